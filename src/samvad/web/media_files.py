"""/media/…: photos, videos and captions, without cookies read or set.

Stands before sessions, so that no cookie is looked at. Who has the address has the file, if its
author is shown and its post is public, or if the address bears a permission (posts/media.py).
Nothing is answered from a cache unasked: `no-cache` lets it be kept, but asked about each time,
so that what is hidden is hidden everywhere at once.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from samvad.accounts.models import User
from samvad.posts import media
from samvad.posts.models import Captions, LinkPreview, Medium
from samvad.posts.names import MEDIUM

Handler = Callable[[HttpRequest], HttpResponseBase]

TYPES = {
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/mp4",
    ".vtt": "text/vtt; charset=utf-8",
}
CHUNK = 128 * 1024
_PATH = re.compile(
    rf"^/media/(?P<name>{MEDIUM})/(?P<key>[a-f0-9p-]{{1,60}})/(?P<file>[\w.-]{{1,40}})$"
)
_OTHER = re.compile(r"^/media/(?P<room>a|l)/(?P<file>[a-z0-9_-]{8,80}\.(?:webp|jpg))$")
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


class Media:
    """The middleware."""

    def __init__(self, get_response: Handler) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith("/media/"):
            return self._next(request)
        response = self._answer(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        if found := _PATH.match(request.path_info):
            return _of_medium(request, found["name"], found["key"], found["file"])
        if found := _OTHER.match(request.path_info):
            return _of_room(request, found["room"], found["file"])
        return HttpResponse(status=404)


def _of_medium(request: HttpRequest, name: str, key: str, file: str) -> HttpResponseBase:
    medium = Medium.objects.select_related("owner", "post").filter(name=name).first()
    if medium is None or not media.may_read(medium, key, time.time()):
        return HttpResponse(status=404)
    private = key != media.PUBLIC
    if file.endswith(".vtt"):
        text = Captions.objects.filter(medium=medium, language=file[:-4]).first()
        if text is None:
            return HttpResponse(status=404)
        return _whole(request, text.text.encode(), ".vtt", private)
    if file not in medium.files.values():
        return HttpResponse(status=404)
    return file_answer(request, media.folder(medium) / file, private)


def _of_room(request: HttpRequest, room: str, file: str) -> HttpResponseBase:
    """Avatars and banners (a) of accounts that are shown, and pictures of links (l)."""
    path = f"{room}/{file}"
    if room == "a":
        stem = re.sub(r"(-\d+)?\.\w+$", "", file)
        served = User.objects.visible()
        known = served.filter(avatar__contains=stem) | served.filter(banner__contains=stem)
    else:
        known = LinkPreview.objects.filter(picture=path)  # type: ignore[assignment]
    if not known.exists():
        return HttpResponse(status=404)
    return file_answer(request, Path(settings.FOLDERS.web) / "media" / path, private=False)


def _headers(kind: str, tag: str, private: bool) -> dict[str, str]:
    return {
        "Content-Type": TYPES[kind],
        "Content-Disposition": "inline",
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache" if private else "public, no-cache",
    }


def _whole(request: HttpRequest, data: bytes, kind: str, private: bool) -> HttpResponse:
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    headers = _headers(kind, tag, private)
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(data, headers=headers)


def file_answer(request: HttpRequest, path: Path, private: bool) -> HttpResponseBase:
    """A file or a part of it (RFC 9110, 14.2: one range; of several, the whole is sent)."""
    try:
        size = path.stat().st_size
    except OSError:
        return HttpResponse(status=404)
    # Files are written once under a name that is never used again: name and size are a tag.
    tag = f'"{hashlib.sha256(f"{path.parent.name}/{path.name}/{size}".encode()).hexdigest()[:20]}"'
    headers = _headers(path.suffix, tag, private)
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    start, end, status = 0, size, 200
    asked = _RANGE.match(request.headers.get("Range", ""))
    if asked and (asked[1] or asked[2]) and request.headers.get("If-Range", tag) == tag:
        first, last = asked[1], asked[2]
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if start >= end:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    # A film may be sent for minutes: its thread keeps no connection to the database meanwhile.
    close_old_connections()
    return StreamingHttpResponse(_Part(path, start, end), status=status, headers=headers)


class _Part:
    """Bytes `start` to `end` of a file, which is open from the first piece to the last."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        self._path, self._start, self._left = path, start, end - start
        self._source: BinaryIO | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._source is None:
            self._source = open(self._path, "rb")  # noqa: SIM115  (closed by close)
            self._source.seek(self._start)
        piece = self._source.read(min(CHUNK, self._left))
        if not piece:
            self.close()
            raise StopIteration
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
