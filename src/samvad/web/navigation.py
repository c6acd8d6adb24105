"""Where one can go from every page: declared once, shown at the top or, on a phone, at the bottom.

An entry names the URL it leads to. What a page belongs to is told by that URL's path.
"""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from samvad.accounts.models import User


@dataclass(frozen=True, slots=True)
class Place:
    """An entry. `icon` names a symbol of templates/icons.html. `bar`: also in a phone's bar.
    `account`: only for those logged in."""

    name: str
    label: Promise | str
    icon: str
    bar: bool = True
    account: bool = False


PLACES = (
    Place("home", pgettext_lazy("navigation", "Home"), "home", account=True),
    Place("local", pgettext_lazy("navigation", "Local"), "local", bar=False),
    Place("index", pgettext_lazy("navigation", "Live"), "live"),
    Place("search", pgettext_lazy("navigation", "Search"), "search"),
    Place("notices", pgettext_lazy("navigation", "Notices"), "bell", account=True),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A place as a page shows it."""

    href: str
    label: Promise | str
    icon: str
    bar: bool
    current: bool


def entries(request: HttpRequest) -> list[Entry]:
    """What the reader of `request` can go to; places that this site does not have are left out."""
    user = getattr(request, "user", None)
    inside = isinstance(user, User)
    shown = [place for place in PLACES if inside or not place.account]
    made = [
        Entry(href, place.label, place.icon, place.bar, _is_at(request.path, href))
        for place in shown
        if (href := address(place.name))
    ]
    if isinstance(user, User):
        href = reverse("profile", args=[user.handle])
        label = pgettext_lazy("navigation", "You")
        made.append(Entry(href, label, "person", True, _is_at(request.path, href)))
    return made


def address(name: str) -> str:
    """The path of a URL by its name; "" when there is none of this name."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _is_at(path: str, href: str) -> bool:
    return path == href or (href != "/" and path.startswith(href.rstrip("/") + "/"))
