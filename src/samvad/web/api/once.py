"""Idempotency-Key: a POST that is sent again, after a lost answer, is not done again.

The key belongs to the token. The same key with the same request gets the first answer again
(`Idempotency-Replayed: true`); with another request it is refused (422), and while the first is
still worked on, too (409). Answers are kept for a day. An answer of 5xx is not kept: try again.
"""

import datetime as dt
import hashlib
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from samvad.accounts.models import ApiAnswer
from samvad.accounts.standing import VISIBLE
from samvad.web.api.keys import token_of
from samvad.web.api.problems import problem

KEPT_FOR = dt.timedelta(days=1)
ABANDONED_AFTER = dt.timedelta(minutes=2)
KEY_MAX = 200
BODY_MAX = 256 * 1024
"""Longer bodies (uploads) count by their length alone; longer answers are not kept."""


def once(
    request: HttpRequest, answer: Callable[[HttpRequest], HttpResponseBase]
) -> HttpResponseBase:
    """`answer(request)`, or what it was answered before."""
    key = request.headers.get("Idempotency-Key", "").strip()
    token = token_of(request)
    if request.method != "POST" or not key or token is None or token.user.stands not in VISIBLE:
        return answer(request)
    if len(key) > KEY_MAX or not key.isprintable():
        return problem(400, f"An Idempotency-Key has at most {KEY_MAX} printable characters.")
    asked = _digest(request)
    now = timezone.now()
    ApiAnswer.objects.filter(token=token, key=key, created_at__lt=now - KEPT_FOR).delete()
    ApiAnswer.objects.filter(
        token=token, key=key, status=0, created_at__lt=now - ABANDONED_AFTER
    ).delete()
    try:
        with transaction.atomic():
            row = ApiAnswer.objects.create(token=token, key=key, asked=asked)
    except IntegrityError:
        return _again(ApiAnswer.objects.filter(token=token, key=key).first(), asked)
    response = answer(request)
    if response.status_code >= 500 or not isinstance(response, HttpResponse):
        row.delete()
    elif len(response.content) <= BODY_MAX:
        row.status = response.status_code
        row.body = response.content
        row.content_type = response.headers.get("Content-Type", "")[:100]
        row.save()
    return response


def forget_old() -> None:
    """Drop answers that are older than a day. The worker calls it."""
    ApiAnswer.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()


def _again(row: ApiAnswer | None, asked: str) -> HttpResponse:
    if row is None or row.status == 0:
        return problem(409, "A request with this Idempotency-Key is being worked on. Try again.")
    if row.asked != asked:
        return problem(422, "This Idempotency-Key was used for another request.")
    response = HttpResponse(bytes(row.body), status=row.status, content_type=row.content_type)
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _digest(request: HttpRequest) -> str:
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    body = request.body if length <= BODY_MAX else str(length).encode()
    return hashlib.sha256(
        f"{request.method} {request.get_full_path()}\n".encode() + body
    ).hexdigest()
