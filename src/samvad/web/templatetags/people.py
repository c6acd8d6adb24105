"""What pages about people are shown with."""

import re
from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from samvad.accounts.models import User
from samvad.moderation import returns
from samvad.web.profiles import at

register = template.Library()

_BROWSERS = (
    ("Firefox", r"Firefox/"),
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Chrome", r"Chrom(?:e|ium)/|CriOS/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)


@register.filter
def browser(agent: str) -> str:
    """{{ row.user_agent|browser }}: "Firefox, Android", else as it called itself."""
    found = [
        next((name for name, sign in table if re.search(sign, agent)), "")
        for table in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, found)) or agent[:40] or _("unknown")


@register.filter
def portrait(person: User, side: int = 400) -> SafeString:
    """{{ person|portrait }}: the large picture, or a round with the first letter of the name."""
    if person.avatar:
        return format_html(
            '<img class="portrait" src="/media/{}" alt="" width="96" height="96">',
            at(person.avatar, side),
        )
    letter = person.shown_name[:1].upper()
    return format_html('<span class="portrait" aria-hidden="true">{}</span>', letter)


@register.inclusion_tag("people/who.html", takes_context=True)
def who(context: Context, person: User) -> dict[str, Any]:
    """{% who person %}: pictures, names, words and links at the top of a profile."""
    return {
        "person": person,
        "user": context.get("user"),
        "links": person.links.all(),
        # Most have never been away: then there is nothing to ask the log for.
        "back_since": returns.back_since(person) if _ever_changed(person) else None,
    }


def _ever_changed(person: User) -> bool:
    """Whether the standing was ever changed since the account was made."""
    return abs((person.standing_since - person.joined_at).total_seconds()) > 1


@register.simple_tag
def official(person: User) -> SafeString:
    """The mark beside a name that speaks for an office."""
    if not person.official:
        return SafeString("")
    return format_html(
        '<span class="official" title="{}"><svg viewBox="0 0 16 16" width="16" height="16" '
        'aria-hidden="true"><path fill="currentColor" d="M8 0l2 2h3v3l2 3-2 3v3h-3l-2 2-2-2H3v-3'
        'L1 8l2-3V2h3z"/><path fill="none" stroke="var(--paper)" stroke-width="1.6" '
        'd="M5 8.200l2 2L11.200 6"/></svg><span class="visually-hidden">{}</span></span>',
        _("Official: %(office)s") % {"office": person.official},
        _("Official: %(office)s") % {"office": person.official},
    )


@register.filter
def bare(url: str) -> str:
    """{{ link.url|bare }}: without https:// and a final slash."""
    return re.sub(r"^https?://(www\.)?", "", url).rstrip("/")
