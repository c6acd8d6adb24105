"""A person's public page."""

from django.core.paginator import Paginator
from django.db.models import Case, F, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from samvad.accounts.models import User
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.web.pages.profile_posts import profile_feed

A_PAGE = 20


@require_safe
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    """Who it is and the conversations they host: live ones first, then coming, then past."""
    person = get_object_or_404(User, handle=handle, is_active=True)
    order = Case(
        When(state=State.LIVE, then=Value(0)),
        When(state=State.ENDED, then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
    hosted = (
        Event.objects.filter(host=person)
        .exclude(state=State.CANCELLED)
        .prefetch_related("speakers")
        .order_by(order, F("ended_at").desc(nulls_last=True), F("starts_at").asc(nulls_first=True))
    )
    events = Paginator(hosted, A_PAGE).get_page(request.GET.get("page"))
    return profile_feed(request, person, events=events)
