"""What other sites fetch: bytes from disk, and oEmbed for those who ask by address."""

import json
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from samvad.events.models import Event
from samvad.posts import seen
from samvad.web import previews

_TYPES = {"png": "image/png", "json": "application/json+oembed"}


@require_safe
@cache_control(public=True, max_age=86_400)
def preview(request: HttpRequest, name: str) -> HttpResponse:
    """A file as it is: no database, no session, no language."""
    try:
        content = (settings.FOLDERS.previews / name).read_bytes()
    except OSError:
        raise Http404 from None
    return HttpResponse(
        content,
        content_type=_TYPES[name.rsplit(".", 1)[1]],
        headers={
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


@require_safe
@cache_control(public=True, max_age=3600)
def oembed(request: HttpRequest) -> HttpResponse:
    """`?url=` of a listeners' page (oEmbed 1.0, section 2.2): the same bytes; or of a public
    post."""
    if request.GET.get("format", "json") != "json":
        return HttpResponse(status=501)
    path = _path_of(request.GET.get("url", ""))
    if path.startswith("/e/"):
        served = Event.objects.visible().prefetch_related("speakers")
        event = served.filter(slug=path.removeprefix("/e/")).first()
        if event is not None:
            return preview(request, previews.oembed_file(event))
    elif path.startswith("/@"):
        public = seen.readable(None).select_related("author")
        post = public.filter(pk=path.rsplit("/", 1)[1]).first()
        if post is not None and post.is_public and post.path == path:
            return HttpResponse(
                json.dumps(previews.post_oembed(post)),
                content_type=_TYPES["json"],
                headers={"Access-Control-Allow-Origin": "*"},
            )
    raise Http404


def _path_of(url: str) -> str:
    """The path of an address of this site, at the gate or here; "" for any other."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    bases = (settings.SAMVAD.gate_url(), settings.SAMVAD.web_url())
    return parts.path if parts.netloc in {urlsplit(base).netloc for base in bases} else ""
