"""The list of conversations, and a host's own: make, look after, change, cancel, end."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from samvad.accounts.models import User
from samvad.base.errors import PlainError
from samvad.events import service
from samvad.events.errors import EventError
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.web.announcing import AnnounceForm, announce
from samvad.web.cards import cards
from samvad.web.forms import EventForm

SHOWN = 50
"""Live and coming conversations on the first page; past ones are paged."""

PAST_A_PAGE = 20


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What is on, what comes, what was."""
    events = Event.objects.visible().select_related("host").prefetch_related("speakers")
    past = Paginator(
        events.filter(state=State.ENDED).order_by("-ended_at", "-created_at"), PAST_A_PAGE
    )
    live = list(events.filter(state=State.LIVE).order_by("live_since")[:SHOWN])
    coming = list(
        events.filter(state__in=[State.ANNOUNCED, State.DOORS]).order_by(
            F("starts_at").asc(nulls_first=True), "created_at"
        )[:SHOWN]
    )
    return render(
        request,
        "index.html",
        {
            "live": cards(live, request),
            "coming": cards(coming, request),
            "past": past.get_page(request.GET.get("page")),
        },
    )


@login_required
@require_safe
@never_cache
def mine(request: HttpRequest) -> HttpResponse:
    """The host's own conversations, newest first."""
    events = Event.objects.filter(host=_account(request)).order_by("-created_at")
    return render(
        request,
        "events/mine.html",
        {"events": Paginator(events, SHOWN).get_page(request.GET.get("page"))},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """The form for a new conversation; a good one leads to its page with the links."""
    form = AnnounceForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            event, _post = announce(
                _account(request), _values(data), post=data["post"], text=data["post_text"]
            )
        except EventError as error:
            _blame(form, error)
        except PlainError as error:
            form.add_error("post_text", str(error))
        else:
            messages.success(request, _("The conversation is announced. Here are its links."))
            return redirect("event", event.pk)
    return render(request, "events/new.html", {"form": form}, status=_status(form))


@login_required
@require_safe
@never_cache
def event(request: HttpRequest, event_id: str) -> HttpResponse:
    """A host's conversation: its state, the links to hand over, what may be done."""
    found = _own(request, event_id)
    return render(request, "events/event.html", _about(found))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def edit(request: HttpRequest, event_id: str) -> HttpResponse:
    """Title, description, time, speakers, seats, until it begins."""
    found = _own(request, event_id)
    if not found.editable:
        messages.info(
            request, _("This conversation has begun or is over. It can no longer be changed.")
        )
        return redirect("event", found.pk)
    form = EventForm(_sent(request), event=found)
    if request.method == "POST" and form.is_valid():
        try:
            service.edit_event(found, **_values(form.cleaned_data))
        except EventError as error:
            _blame(form, error)
        else:
            messages.success(request, _("Saved. The listeners’ page shows it within a second."))
            return redirect("event", found.pk)
    return render(request, "events/edit.html", {"form": form, "event": found}, status=_status(form))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def cancel(request: HttpRequest, event_id: str) -> HttpResponse:
    """Asks once, then cancels."""
    found = _own(request, event_id)
    if request.method == "POST":
        try:
            service.cancel_event(found)
        except PlainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Cancelled. The listeners’ page says so."))
        return redirect("event", found.pk)
    told = {"event": found, "reminders": found.reminders.count()}
    return render(request, "events/cancel.html", told)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def end(request: HttpRequest, event_id: str) -> HttpResponse:
    """Asks once, then ends it at the stage."""
    found = _own(request, event_id)
    if request.method == "POST":
        try:
            service.end_event(found.pk, found.host.shown_name)
        except PlainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Ended. The recording is being put on its page."))
        return redirect("event", found.pk)
    return render(request, "events/end.html", {"event": found})


def _account(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required stands before every caller
    return request.user


def _sent(request: HttpRequest) -> QueryDict | None:
    """What was sent, be it empty; None when nothing was."""
    return request.POST if request.method == "POST" else None


def _own(request: HttpRequest, event_id: str) -> Event:
    """The event, if it is the asker's; 404 for others, who need not know that it exists."""
    mine: QuerySet[Event] = Event.objects.filter(host=_account(request))
    found = mine.select_related("host").prefetch_related("speakers").filter(pk=event_id).first()
    if found is None:
        raise Http404
    return found


def _about(found: Event) -> dict[str, Any]:
    return {
        "event": found,
        "links": service.links(found),
        "reminders": found.reminders.count(),
    }


def _values(data: dict[str, Any]) -> dict[str, Any]:
    names = ("title", "description", "starts", "zone", "seats", "speakers", "terms")
    return {name: data[name] for name in names}


def _blame(form: EventForm, error: EventError) -> None:
    """Put what the service refused at its field."""
    field = {"starts": "time"}.get(error.field, error.field)
    form.add_error(field if field in form.fields else None, str(error))


def _status(form: EventForm) -> int:
    return 422 if form.is_bound and form.errors else 200
