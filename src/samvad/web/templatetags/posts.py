"""What posts are shown with: their text with links, faces, signs."""

from functools import lru_cache
from typing import Any

from django import template
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from samvad.accounts.models import User
from samvad.posts.cards import Shown
from samvad.posts.models import Medium, Post
from samvad.posts.text import Kind, Piece, pieces
from samvad.web import posted, words
from samvad.web.post_forms import LANGUAGE_NAMES

register = template.Library()

# Drawn for a field of 24 by 24 with lines 1.75 thick.
_SIGNS = {
    "reply": "M4 12a7 7 0 0 1 7-7h2a7 7 0 0 1 0 14H8l-4 2.500 1.100-4.600A7 7 0 0 1 4 12Z",
    "repost": "m4 9 3-3 3 3M7 6v9a3 3 0 0 0 3 3h3m7-3-3 3-3-3m3 3V9a3 3 0 0 0-3-3h-3",
    "like": "M12 20S4 15.500 4 9.500A4.500 4.500 0 0 1 12 7a4.500 4.500 0 0 1 8 2.500"
    "C20 15.500 12 20 12 20Z",
    "keep": "M7 4h10a1 1 0 0 1 1 1v15l-6-4-6 4V5a1 1 0 0 1 1-1Z",
    "more": "M5 12h.01M12 12h.01M19 12h.01",
    "followers": "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Zm-6 8a6 6 0 0 1 12 0"
    "M16 5a3 3 0 0 1 0 6m2 3a5.500 5.500 0 0 1 3 5",
    "mentioned": "M15.500 12a3.500 3.500 0 1 1-7 0 3.500 3.500 0 0 1 7 0Zm0 0v1.500"
    "a2.500 2.500 0 0 0 5 0V12a8.500 8.500 0 1 0-3.500 7",
    "pin": "M9 4h6l-1 6 3 3H7l3-3-1-6Zm3 9v7",
    "photo": "M4 5h16v14H4zM4 16l4.500-4.500L13 16l3-3 4 4M15.500 9h.01",
    "video": "M3 6h12v12H3zM15 10.500 21 7v10l-6-3.500",
    "search": "M11 17a6 6 0 1 0 0-12 6 6 0 0 0 0 12Zm4.500-1.500L20 20",
}


@register.simple_tag
@lru_cache(maxsize=32)
def sign(name: str) -> SafeString:
    """{% sign "like" %}: a small drawing; the word beside it says what it is."""
    return format_html(
        '<svg class="sign" viewBox="0 0 24 24" aria-hidden="true" stroke-width="1.75" '
        'stroke-linecap="round" stroke-linejoin="round"><path d="{}"/></svg>',
        _SIGNS[name],
    )


@register.filter
def said(text: str) -> SafeString:
    """{{ post.text|said }}: links, mentions and hashtags lead somewhere; all else is escaped."""
    return mark_safe("".join(_shown(piece) for piece in pieces(text)))  # noqa: S308  (each escaped)


def _shown(piece: Piece) -> str:
    match piece.kind:
        case Kind.URL:
            return format_html(
                '<a href="{}" rel="nofollow noopener noreferrer ugc">{}</a>',
                piece.target,
                piece.shown,
            )
        case Kind.MENTION:
            return format_html(
                '<a class="mention" href="{}">{}</a>',
                reverse("profile", args=[piece.target]),
                piece.shown,
            )
        case Kind.TAG:
            return format_html(
                '<a class="tag" href="{}">{}</a>', reverse("tag", args=[piece.target]), piece.shown
            )
    return escape(piece.shown)


@register.filter
def face(person: User) -> SafeString:
    """{{ post.author|face }}: their picture, or a round with the first letter of the name."""
    if picture := getattr(person, "avatar", ""):
        return format_html(
            '<img class="post-face" src="/media/{}" alt="" width="48" height="48" loading="lazy">',
            picture,
        )
    letter = person.shown_name[:1].upper()
    return format_html('<span class="post-face" aria-hidden="true">{}</span>', letter)


@register.filter
def count(value: int) -> str:
    """{{ post.likes|count }}: the number, or nothing at all for none."""
    return words.number(value, translation.get_language() or "en") if value else ""


@register.filter
def sources(shown: Shown) -> SafeString:
    """{{ photo|sources }}: the srcset of a photo."""
    wide = sorted((int(w[1:]), path) for w, path in shown.at.items() if w[:1] == "w" and path)
    most = shown.medium.width
    return format_html_join(", ", "{} {}w", ((path, min(w, most)) for w, path in wide))


@register.filter
def smallest(shown: Shown) -> str:
    """{{ photo|smallest }}: the address for browsers that choose nothing."""
    return shown.at.get("w960") or shown.at.get("w480", "")


@register.filter
def post_lang(post: Post) -> SafeString:
    """{{ post|post_lang }}: the attribute that says the text's language, when it is known."""
    return format_html(' lang="{}"', post.language) if post.language else SafeString("")


@register.filter
def language_name(code: str) -> str:
    """{{ captions.language|language_name }}: a language by its own name."""
    return str(LANGUAGE_NAMES.get(code, code))


@register.filter
def why_failed(medium: Medium) -> str:
    """{{ video|why_failed }}: why it did not become one."""
    return posted.why_failed(medium)


@register.filter
def of_id(by_id: dict[str, Any], key: str) -> Any:
    """{{ event_cards|of_id:post.event }}: the entry, or None."""
    return by_id.get(key)
