"""Photos and videos: sent, described, looked after, removed.

A photo comes whole. A video comes in pieces by tus 1.0.0 at /uploads/ (docs/uploads.md),
with the same token.
"""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from samvad.accounts.models import User
from samvad.accounts.scopes import Scope
from samvad.posts import media, videos
from samvad.posts.cards import shown
from samvad.posts.models import Medium
from samvad.web.api.keys import key, who
from samvad.web.api.posts import MediumOut, medium
from samvad.web.api.problems import ERRORS, Refused

router = Router()
WRITES = key(Scope.MEDIA)


class About(Schema):
    """What a photo or video shows, and its focal point (0 to 1 from left and top)."""

    alt: str | None = Field(None, max_length=2000)
    focus: tuple[float, float] | None = None


@router.post("/photos", auth=WRITES, response={201: MediumOut, **ERRORS})
def send_photo(request: HttpRequest, file: File[UploadedFile], alt: Form[str] = "") -> Any:
    """A photo for a post to come (multipart): JPEG, PNG, WebP, GIF or AVIF."""
    most = settings.SAMVAD.posts.photo_max_mb * 1_000_000
    made = media.add_photo(who(request), file.read(most + 1), alt=alt)
    return Status(201, _told(made))


@router.get("/{name}", auth=key(Scope.READ), response={200: MediumOut, **ERRORS})
def look(request: HttpRequest, name: str) -> Any:
    """One's own photo or video, and how far it is."""
    return _told(_own(who(request), name))


@router.patch("/{name}", auth=WRITES, response={200: MediumOut, **ERRORS})
def describe(request: HttpRequest, name: str, about: About) -> Any:
    """Say what it shows and what matters in it."""
    found = _own(who(request), name)
    if about.focus is not None and not all(0 <= at <= 1 for at in about.focus):
        raise Refused(422, "focus is two numbers from 0 to 1.")
    media.described(found, found.alt if about.alt is None else about.alt, about.focus)
    found.save(update_fields=["alt", "focus_x", "focus_y"])
    return _told(found)


@router.delete("/{name}", auth=WRITES, response={204: None, **ERRORS})
def remove(request: HttpRequest, name: str) -> Any:
    """Remove what no post uses."""
    found = _own(who(request), name)
    if found.post_id is not None:
        raise Refused(409, "It belongs to a post; delete the post.")
    media.remove(found)
    return Status(204, None)


@router.post("/{name}/captions", auth=WRITES, response={204: None, **ERRORS})
def send_captions(
    request: HttpRequest, name: str, file: File[UploadedFile], language: Form[str]
) -> Any:
    """Captions of one's video in a language (multipart, WebVTT), in place of older ones."""
    found = _own(who(request), name)
    if not found.is_video:
        raise Refused(422, "Captions belong to a video.")
    if not (0 < len(language) <= 12 and language.replace("-", "").isalnum() and language.isascii()):
        raise Refused(422, "language is a tag such as gu or en-IN.")
    videos.put_captions(found, language, file)
    return Status(204, None)


def _own(user: User, name: str) -> Medium:
    found = Medium.objects.filter(owner=user, name=name).first() if "\0" not in name else None
    if found is None:
        raise Http404
    return found


def _told(found: Medium) -> dict[str, Any]:
    return medium(found, shown(found).at)
