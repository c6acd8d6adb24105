"""Web Push: browsers that take pushes, and what is on its way to them (RFC 8030, 8291, 8292).

A notice that is to be pushed becomes a row for each browser of its person; a row is gone when
the push service has taken it, when the browser is gone, or after TRIES_MOST.
"""

import datetime as dt
import json
import logging
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.base.errors import PlainError
from samvad.notices import outward, vapid
from samvad.notices.kinds import Kind
from samvad.notices.models import Notice, Push, PushSubscription, Wishes
from samvad.notices.outward import Answer, Failed

log = logging.getLogger(__name__)

BROWSERS_MOST = 10
"""Of one person; the oldest goes first."""
A_ROUND = 100
AT_A_TIME = 8
TRIES_MOST = 6
TOO_MANY = 3
"""More new notices of one person than this in a round are pushed as one."""
PLAIN_MOST = 3_000
"""Bytes of a payload; push services take 4,096 encrypted ones (RFC 8030, section 7.2)."""
TTL_S = 86_400
SOON_TTL_S = 1_800
"""A reminder that comes when the conversation is well under way helps nobody."""

Payload = Callable[[Notice, Wishes, int], dict[str, Any]]
"""Makes what the browser shows, in the person's language: title, body, url, tag. The number is
how many notices it stands for, 0 for itself alone."""


class PushError(PlainError):
    """A subscription that cannot be used."""


def subscribe(user: User, told: object, browser: str = "") -> PushSubscription:
    """Keep what a browser's PushSubscription.toJSON() says. Raises PushError.

    A browser has one subscription; whoever is logged in there last gets its pushes.
    """
    endpoint, p256dh, auth = _read(told)
    with transaction.atomic():
        made, _new = PushSubscription.objects.update_or_create(
            endpoint=endpoint,
            defaults={"user": user, "p256dh": p256dh, "auth": auth, "browser": browser[:80],
                      "failures": 0},
        )  # fmt: skip
        mine = PushSubscription.objects.filter(user=user).exclude(pk=made.pk).order_by("-pk")
        over = list(mine.values_list("pk", flat=True)[BROWSERS_MOST - 1 :])
        PushSubscription.objects.filter(pk__in=over).delete()
    return made


def unsubscribe(user: User, endpoint: str) -> bool:
    """True when there was something to end."""
    gone, _rows = PushSubscription.objects.filter(user=user, endpoint=endpoint).delete()
    return bool(gone)


def encrypt(subscription: PushSubscription, plain: bytes) -> bytes:
    """The body of a push (RFC 8291): one record of aes128gcm with a key of its own."""
    return bytes(
        http_ece.encrypt(
            plain,
            salt=os.urandom(16),
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=vapid.from_base64url(subscription.p256dh),
            auth_secret=vapid.from_base64url(subscription.auth),
            version="aes128gcm",
        )
    )


def line_up(now: dt.datetime) -> int:
    """Turn notices that are to be pushed into rows for each browser; how many rows."""
    due = list(
        Notice.objects.filter(push_due__lte=now)
        .select_related("user")
        .order_by("push_due")[:A_ROUND]
    )
    if not due:
        return 0
    people = {notice.user_id for notice in due}
    refuse = dict(Wishes.objects.filter(user__in=people).values_list("user_id", "not_pushed"))
    browsers: dict[int, list[int]] = {}
    for pk, user in PushSubscription.objects.filter(user__in=people).values_list("pk", "user_id"):
        browsers.setdefault(user, []).append(pk)
    rows: list[Push] = []
    for user in people:
        wanted = [n for n in due if n.user_id == user and n.kind not in refuse.get(user, [])]
        together = len(wanted) if len(wanted) > TOO_MANY else 0
        for notice in wanted[-1:] if together else wanted:
            rows += [
                Push(notice=notice, subscription_id=pk, together=together, due_at=now)
                for pk in browsers.get(user, [])
            ]
    with transaction.atomic():
        Notice.objects.filter(pk__in=[n.pk for n in due]).update(push_due=None)
        Push.objects.bulk_create(rows)
    return len(rows)


def send_due(now: dt.datetime, payload: Payload) -> int:
    """Send what is due; how many a push service took. Other outcomes are written to the rows."""
    rows = list(
        Push.objects.filter(due_at__lte=now)
        .select_related("notice__actor", "notice__user", "subscription")
        .order_by("due_at")[:A_ROUND]
    )
    if not rows:
        return 0
    wishes = Wishes.objects.in_bulk({row.notice.user_id for row in rows})
    made = []
    for row in rows:
        user = row.notice.user_id
        shown = payload(row.notice, wishes.get(user) or Wishes(user_id=user), row.together)
        made.append((row, _request(row, shown, now)))
    with ThreadPoolExecutor(min(AT_A_TIME, len(made))) as pool:
        answers = list(pool.map(lambda one: _post(*one[1]), made))
    return sum(
        _settle(row, answer, now) for (row, _what), answer in zip(made, answers, strict=True)
    )


_Request = tuple[str, bytes, dict[str, str]]


def _request(row: Push, shown: dict[str, Any], now: dt.datetime) -> _Request:
    soon = row.notice.kind == Kind.EVENT_STARTS
    tag = str(shown.get("tag") or "")
    contact = settings.SAMVAD.notices.push_contact or settings.SAMVAD.web_url()
    endpoint = row.subscription.endpoint
    headers = {
        "Authorization": vapid.authorization(
            settings.SITE_SECRET, endpoint, contact, int(now.timestamp())
        ),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(SOON_TTL_S if soon else TTL_S),
        "Urgency": "high" if soon else "normal",
    }
    if tag:
        # A newer push of the same topic replaces one that still waits (RFC 8030, section 5.4).
        headers["Topic"] = vapid.base64url(sha256(tag.encode()).digest())[:32]
    plain = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
    if len(plain) > PLAIN_MOST:
        shown = shown | {"body": str(shown.get("body", ""))[:200]}
        plain = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
    return endpoint, encrypt(row.subscription, plain), headers


def _post(endpoint: str, body: bytes, headers: dict[str, str]) -> Answer | Failed:
    return outward.post(endpoint, body, headers, private=settings.SAMVAD.notices.push_private)


def _settle(row: Push, answer: Answer | Failed, now: dt.datetime) -> bool:
    """Write down what became of it. True when the service took it."""
    status = answer.status if isinstance(answer, Answer) else 0
    if 200 <= status < 300:
        row.delete()
        PushSubscription.objects.filter(pk=row.subscription_id, failures__gt=0).update(failures=0)
        return True
    if status in (404, 410) or (isinstance(answer, Failed) and answer.for_good):
        row.subscription.delete()  # the browser ended it (RFC 8030, section 7.3); its rows go too
        return False
    if (400 <= status < 500 and status not in (408, 425, 429)) or row.tries + 1 >= TRIES_MOST:
        log.info("a push was given up: %s", answer)
        row.delete()
        return False
    row.tries += 1
    wait_s = 2**row.tries * 15 + secrets.randbelow(15)
    if isinstance(answer, Answer):
        wait_s = max(wait_s, answer.retry_after_s)
    row.due_at = now + dt.timedelta(seconds=wait_s)
    row.save(update_fields=["tries", "due_at"])
    return False


def _read(told: object) -> tuple[str, str, str]:
    refused = PushError(_("This browser’s subscription cannot be used."))
    keys = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(keys, dict):
        raise refused
    endpoint, p256dh, auth = told.get("endpoint"), keys.get("p256dh"), keys.get("auth")
    if not (isinstance(endpoint, str) and isinstance(p256dh, str) and isinstance(auth, str)):
        raise refused
    private = settings.SAMVAD.notices.push_private
    if len(endpoint) > 1024 or not outward.usable(endpoint, private):
        raise refused
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), vapid.from_base64url(p256dh))
        if len(p256dh) > 100 or len(vapid.from_base64url(auth)) != 16:
            raise refused
    except ValueError:
        raise refused from None
    return endpoint, p256dh, auth
