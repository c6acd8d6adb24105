"""Pages around the live plane: the studio, and the way to the crowd's page.

Studio and console (console.py) are shells that hold nothing secret: the token stands in the
address's fragment, which browsers do not send, and their scripts show it to the stage.
"""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from samvad.events.models import Event
from samvad.protocol.hls import page_path


@require_safe
def to_gate(request: HttpRequest, slug: str) -> HttpResponse:
    """The listeners' page lives at the gate, by its address or its id."""
    served = Event.objects.visible()
    event = served.filter(slug=slug).first() or served.filter(pk=slug).first()
    if event is None:
        raise Http404
    query = f"?lang={request.GET['lang']}" if request.GET.get("lang") in _languages() else ""
    return redirect(settings.SAMVAD.gate_url() + page_path(event.slug) + query)


@require_safe
@never_cache
def studio(request: HttpRequest, event_id: str) -> HttpResponse:
    """The speakers' page; who one is comes with the personal link."""
    event = get_object_or_404(Event, pk=event_id)
    config = live_config(event) | {"manage": manage_address(request, event)}
    return render(request, "studio.html", {"title": event.title, "config": config})


def live_config(event: Event) -> dict[str, Any]:
    """What the scripts of studio and console must know of the event, for everybody."""
    gate = settings.SAMVAD.gate_url()
    return {
        "event": event.pk,
        "lang": translation.get_language(),
        "stage": settings.SAMVAD.stage_url(),
        "gate": gate,
        "page": gate + page_path(event.slug),
        "title": event.title,
    }


def manage_address(request: HttpRequest, event: Event) -> str:
    """The address of the event's own page, for its owner only."""
    own = event.host_id == request.user.pk
    return settings.SAMVAD.web_url() + reverse("event", args=[event.pk]) if own else ""


def _languages() -> set[str]:
    return {code for code, _ in settings.LANGUAGES}
