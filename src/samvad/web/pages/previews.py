"""What other sites fetch: bytes from disk, and oEmbed for those who ask by address."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from samvad.events.models import Event
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
    """`?url=` of a listeners' page (oEmbed 1.0, section 2.2): the same bytes."""
    if request.GET.get("format", "json") != "json":
        return HttpResponse(status=501)
    event = _event_at(request.GET.get("url", ""))
    if event is None:
        raise Http404
    return preview(request, previews.oembed_file(event))


def _event_at(url: str) -> Event | None:
    """The event whose page `url` is, on the gate's address or on this one."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    ours = {
        urlsplit(base).netloc for base in (settings.SAMVAD.gate_url(), settings.SAMVAD.web_url())
    }
    if parts.netloc not in ours or not parts.path.startswith("/e/"):
        return None
    served = Event.objects.visible().prefetch_related("speakers")
    return served.filter(slug=parts.path.removeprefix("/e/")).first()
