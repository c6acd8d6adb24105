"""What every request to the API goes through, whatever room answers it."""

from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from samvad.web.api import limits
from samvad.web.api.once import once
from samvad.web.api.problems import CONTENT_TYPE, problem

ROOT = "/api/v1/"


class Front:
    """Limits, Idempotency-Key, and one form of errors. Middleware, for paths below /api/v1/."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(ROOT):
            return self._next(request)
        try:
            allowance = limits.take(request)
        except DatabaseError:
            return problem(503, "The site cannot look up tokens just now. Try again.")
        if allowance.left < 0:
            response: HttpResponseBase = problem(429, f"Try again in {allowance.reset_s} s.")
        else:
            response = _plainly(once(request, self._next))
        allowance.tell(response)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _plainly(response: HttpResponseBase) -> HttpResponseBase:
    """Errors that were answered outside the rooms (no such address, no such method) as well."""
    said = response.headers.get("Content-Type", "")
    if response.status_code < 400 or said.startswith(CONTENT_TYPE):
        return response
    plain = problem(response.status_code)
    if "Allow" in response.headers:
        plain.headers["Allow"] = response.headers["Allow"]
    return plain
