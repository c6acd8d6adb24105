"""What every template can rely on, with a request or without one.

    lang        the page's language code: "en", "gu" or "hi" (for <html lang>)
    languages   [{"code", "name", "href", "current"}]: plain links, `?lang=…` on the same page
    urls        {"web", "gate", "stage"}: base URLs without a final slash
    sign_up_open  whether anybody may make an account
    sign_up_invite  whether it wants an invitation
    mails       whether this site sends mail
    unread      how many notifications the reader has not read (asked when a template wants it)
    user        the account, or None on pages of the crowd (they have no log-in)

Pages for the crowd (event_page.html) are rendered without a request by web/event_page.py with
the same names. Context processors of Django add `request`, `messages`, `user`.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from samvad.accounts.models import User
from samvad.notices import service as notices


def common(path: str = "", query: str = "") -> dict[str, Any]:
    """The names above for a page at `path`; `query` keeps other parameters in language links."""
    lang = translation.get_language() or settings.LANGUAGE_CODE
    more = f"&{query}" if query else ""
    return {
        "lang": lang,
        "languages": [
            {
                "code": code,
                "name": name,
                "href": f"{path}?lang={code}{more}",
                "current": code == lang,
            }
            for code, name in settings.LANGUAGES
        ],
        "urls": {
            "web": settings.SAMVAD.web_url(),
            "gate": settings.SAMVAD.gate_url(),
            "stage": settings.SAMVAD.stage_url(),
        },
    }


def site(request: HttpRequest) -> dict[str, Any]:
    """The context processor."""
    kept = request.GET.copy()
    kept.pop("lang", None)
    return common(request.path, kept.urlencode()) | {
        "sign_up_open": settings.SAMVAD.web.sign_up == "open",
        "sign_up_invite": settings.SAMVAD.web.sign_up == "invite",
        "mails": settings.MAILS,
        "unread": SimpleLazyObject(lambda: _unread(request)),
    }


def _unread(request: HttpRequest) -> int:
    user = getattr(request, "user", None)
    return notices.unread(user) if isinstance(user, User) else 0
