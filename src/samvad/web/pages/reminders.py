"""“Remind me”, and what goes into calendars."""

import datetime as dt
import secrets

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_safe

from samvad.accounts.models import User
from samvad.base.errors import PlainError
from samvad.events import reminders
from samvad.events.models import Event
from samvad.notices import service as notices
from samvad.web import calendars
from samvad.web.cards import card_of
from samvad.web.reader import zone_of


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def reminder(request: HttpRequest, event_id: str) -> HttpResponse:
    """The conversation's card with every way to be reminded; POST sets it, or takes it back."""
    event = _served(event_id)
    user = request.user if isinstance(request.user, User) else None
    if request.method == "POST":
        if user is None:
            back = reverse("event_reminder", args=[event.pk])
            return redirect(f"{reverse('account_login')}?{urlencode({'next': back})}")
        return _changed(request, event, user)
    return render(
        request,
        "events/reminder.html",
        {"card": card_of(event, request), "event": event},
    )


def _changed(request: HttpRequest, event: Event, user: User) -> HttpResponse:
    notices.remember_reader(user, request.LANGUAGE_CODE, zone_of(request))
    if request.POST.get("off"):
        reminders.unset(event, user)
        messages.success(request, _("No reminder any more."))
    else:
        try:
            reminders.set_for(event, user, by_mail=request.POST.get("mail", "1") == "1")
            messages.success(request, _("Your reminder is set. You also hear when it moves."))
        except PlainError as error:
            messages.error(request, str(error))
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("event_reminder", event.pk)


@require_safe
@cache_control(public=True, max_age=60)
def event_calendar(request: HttpRequest, event_id: str) -> HttpResponse:
    """The `.ics` file. Its alarm rings at a moment drawn for this download: no stampede."""
    event = _served(event_id)
    told = settings.SAMVAD.notices
    alarm = dt.timedelta(
        minutes=told.reminder_lead_min, seconds=secrets.randbelow(told.reminder_spread_min * 60 + 1)
    )
    body = calendars.one(event, alarm=alarm)
    if body is None:
        raise Http404
    return _calendar(body, f"{event.slug}.ics")


@require_safe
@cache_control(public=True, max_age=300)
def host_calendar(request: HttpRequest, handle: str) -> HttpResponse:
    """A host's conversations, to subscribe to."""
    host = get_object_or_404(User.objects.visible(), handle=handle)
    return _calendar(calendars.feed(host), f"{handle}.ics")


def _calendar(body: bytes, name: str) -> HttpResponse:
    return HttpResponse(
        body,
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


def _served(event_id: str) -> Event:
    events = Event.objects.visible().select_related("host").prefetch_related("speakers")
    return get_object_or_404(events, pk=event_id)
