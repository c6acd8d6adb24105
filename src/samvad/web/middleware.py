"""Headers, files and the language of every answer."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware

Handler = Callable[[HttpRequest], HttpResponseBase]

_HASHED = re.compile(r"^/a/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9.]+$")
YEAR_S = 365 * 24 * 3600


class SecurityHeaders:
    """Content-Security-Policy and Permissions-Policy, the same for every page.

    The policy allows no inline script or style at all, so no nonce is needed; configuration
    travels in <script type="application/json">, which browsers do not execute.
    """

    def __init__(self, get_response: Handler) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._next(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        response.headers.setdefault(
            "Permissions-Policy", "microphone=(self), camera=(), geolocation=(), payment=()"
        )
        return response


class Files(WhiteNoiseMiddleware):  # type: ignore[misc]
    """/static/ (Django's own) and /a/ (the built front end, as the gates serve it too)."""

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        self._built: int | None = None
        self._look_at_assets()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith("/a/") and request.path_info not in self.files:
            self._look_at_assets()
        response: HttpResponseBase = super().__call__(request)
        return response

    def _look_at_assets(self) -> None:
        """Take in the front end's files, again when it was built anew under our feet."""
        try:
            built = (settings.ASSETS / "manifest.json").stat().st_mtime_ns
        except OSError:
            return
        if built != self._built:
            self.add_files(str(settings.ASSETS), prefix="/a/")
            self._built = built

    def immutable_file_test(self, path: str, url: str) -> bool:
        return bool(_HASHED.match(url)) or bool(super().immutable_file_test(path, url))


class AskedLanguage:
    """The language a page is read in: ?lang=, else the cookie, else Accept-Language.

    ?lang= is also remembered in the cookie: the language links of every page are plain links.
    """

    def __init__(self, get_response: Handler) -> None:
        self._next = get_response
        self._known = {code for code, _ in settings.LANGUAGES}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asked = request.GET.get("lang")
        language = asked if asked in self._known else translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self._next(request)
        response.headers.setdefault("Content-Language", language)
        if isinstance(response, HttpResponse):
            patch_vary_headers(response, ("Accept-Language",))
        if asked in self._known:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                language,
                max_age=YEAR_S,
                samesite="Lax",
                secure=settings.LANGUAGE_COOKIE_SECURE,
            )
        return response
