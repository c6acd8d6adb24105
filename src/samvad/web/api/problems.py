"""Errors of the API: one form, application/problem+json (RFC 9457)."""

import json
import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from samvad.base.errors import PlainError

log = logging.getLogger("samvad.api")

CONTENT_TYPE = "application/problem+json"

TITLES = {
    400: "The request cannot be understood",
    401: "A token is needed",
    403: "Not allowed",
    404: "There is no such thing",
    405: "Not with this method",
    409: "Already being done, or done otherwise",
    410: "It is gone",
    413: "Too large",
    415: "Not in this form",
    422: "Something does not fit",
    429: "Too many requests",
    500: "A mistake of this site",
}


class Problem(Schema):
    """What went wrong. `title` is the same for all of a status, `detail` says what happened."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[dict[str, Any]] | None = None


ERRORS: dict[Any, Any] = {frozenset({400, 401, 403, 404, 409, 422, 429}): Problem}
"""For `response=`: `{201: Made, **ERRORS}`."""


class Refused(Exception):
    """An expected refusal with a status of its own; a PlainError is always 422."""

    def __init__(self, status: int, detail: str, kind: str = "about:blank") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind


def problem(
    status: int,
    detail: str = "",
    *,
    kind: str = "about:blank",
    errors: list[dict[str, Any]] | None = None,
) -> HttpResponse:
    """The answer."""
    body: dict[str, Any] = {
        "type": kind,
        "title": TITLES.get(status, "It cannot be done"),
        "status": status,
        "detail": detail,
    }
    if errors is not None:
        body["errors"] = errors
    response = HttpResponse(
        json.dumps(body, ensure_ascii=False), status=status, content_type=CONTENT_TYPE
    )
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="samvad"'
    return response


def answer_errors(api: NinjaAPI) -> None:
    """Give every error of `api` this form."""

    @api.exception_handler(Refused)
    def refused(request: HttpRequest, error: Refused) -> HttpResponse:
        return problem(error.status, error.detail, kind=error.kind)

    @api.exception_handler(PlainError)
    def plain(request: HttpRequest, error: PlainError) -> HttpResponse:
        return problem(422, str(error))

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors: list[dict[str, Any]] = [
            {"where": [str(part) for part in one["loc"]], "says": str(one["msg"])}
            for one in error.errors
        ]
        return problem(422, "; ".join(e["says"] for e in errors)[:500], errors=errors)

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return problem(401, "Send `Authorization: Bearer TOKEN` with a token of this site.")

    @api.exception_handler(HttpError)
    def http(request: HttpRequest, error: HttpError) -> HttpResponse:
        return problem(error.status_code, error.message)

    @api.exception_handler(PermissionDenied)
    def denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        return problem(403, str(error))

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem(404)

    @api.exception_handler(Exception)
    def bug(request: HttpRequest, error: Exception) -> HttpResponse:
        log.error("a bug in %s %s", request.method, request.path, exc_info=error)
        return problem(500)
