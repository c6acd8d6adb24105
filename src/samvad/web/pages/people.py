"""A person's public page."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Case, F, IntegerField, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from samvad.accounts import ties
from samvad.accounts.models import User
from samvad.accounts.standing import Standing
from samvad.events.lifecycle import State
from samvad.events.models import Event
from samvad.web.pages.profile_posts import profile_feed, with_ties
from samvad.web.reader import account_of

A_PAGE = 20


@require_safe
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    """Who it is and the conversations they host: live ones first, then coming, then past."""
    person = get_object_or_404(with_ties(request), handle=handle)
    if not person.is_visible:
        return _not_here(request, person)
    if request.GET.get("tab") != "events":
        return profile_feed(request, person)
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
    return render(
        request, "people/profile.html", {"person": person, "tab": "events", "events": events}
    )


@never_cache
def _not_here(request: HttpRequest, person: User) -> HttpResponse:
    """410, and why: suspended, deleted. What is only closed by hand reads as never there (404)."""
    if not person.is_active and person.stands is not Standing.DELETED:
        raise Http404
    me = request.user
    following = isinstance(me, User) and ties.follows(me, person)
    return render(
        request, "people/not_here.html", {"person": person, "following": following}, status=410
    )


@login_required
@require_POST
def let_go(request: HttpRequest, handle: str) -> HttpResponse:
    """Follow somebody no longer who is not to be seen now."""
    person = get_object_or_404(User, handle=handle)
    ties.unfollow(account_of(request), person)
    return redirect("profile", handle)
