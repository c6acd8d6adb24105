"""Ways to the listeners' page with a pass: as a member, by a reminder. Nothing is written down."""

import secrets
import time

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from samvad.accounts.models import User
from samvad.events import passes
from samvad.events.models import Event
from samvad.protocol.hls import page_path


@login_required
@require_safe
@never_cache
def member(request: HttpRequest, event_id: str) -> HttpResponse:
    """“Listen as a member”: to the listeners' page, with the pass in its fragment."""
    event = get_object_or_404(Event.objects.visible(), pk=event_id)
    assert isinstance(request.user, User)
    return redirect(passes.member_link(event, request.user) or _plain(event))


@require_safe
@never_cache
def remind(request: HttpRequest, event_id: str) -> HttpResponse:
    """“Remind me”: back to the page with a reminder's pass, which goes into the calendar.

    Nobody is asked who they are: a reminder is a courtesy to those who plan their evening.
    """
    event = get_object_or_404(Event.objects.visible(), pk=event_id)
    link = passes.reminder_link(event, secrets.token_hex(8), time.time_ns() // 1_000_000)
    return redirect(link or _plain(event))


def _plain(event: Event) -> str:
    return settings.SAMVAD.gate_url() + page_path(event.slug)
