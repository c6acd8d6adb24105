"""Pages for what went wrong before a view, or in one. They ask neither database nor session."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from samvad.web.context import common


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the request has no form that a view could take."""
    return _page("400.html", 400, request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without its token, or from another site."""
    return _page("403_csrf.html", 403, request)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: a bug of ours. The log has the rest."""
    return _page("500.html", 500, request)


def _page(template: str, status: int, request: HttpRequest) -> HttpResponse:
    return HttpResponse(render_to_string(template, common(request.path)), status=status)
