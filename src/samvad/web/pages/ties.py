"""Following, muting, blocking, who follows whom, and lists of people."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from samvad.accounts import ties
from samvad.accounts.models import PeopleList, User
from samvad.accounts.ties import TieError
from samvad.posts import timelines
from samvad.web import following
from samvad.web.pages.posts import back
from samvad.web.pages.profile_posts import with_ties
from samvad.web.pages.timelines import asker, before, feed
from samvad.web.reader import account_of

A_PAGE = 40
ACTS: dict[str, tuple[Callable[[User, User], bool], Callable[[User, User], bool]]] = {
    "follow": (following.follow, following.unfollow),
    "mute": (ties.mute, ties.unmute),
    "block": (ties.block, ties.unblock),
}


@login_required
@require_POST
def tie(request: HttpRequest, handle: str, act: str) -> HttpResponse:
    """Follow, mute or block somebody, or the contrary; answers with the new buttons for htmx."""
    me, other = account_of(request), _person(handle)
    try:
        ACTS[act][0 if request.POST.get("on") == "1" else 1](me, other)
    except TieError as error:
        messages.error(request, str(error))
    else:
        if act != "follow" and request.headers.get("HX-Request") != "true":
            messages.success(request, _said(act, request.POST.get("on") == "1", other))
    if request.headers.get("HX-Request") != "true":
        return back(request)
    person = with_ties(request).get(pk=other.pk)
    return render(request, "people/ties.html", {"person": person})


@require_safe
@never_cache
def followers(request: HttpRequest, handle: str) -> HttpResponse:
    """Who follows somebody."""
    person = _seen(request, handle)
    people = ties.followers_of(person).order_by("handle")
    title = _("Followers of %(name)s") % {"name": person.shown_name}
    return _people(request, person, people, title)


@require_safe
@never_cache
def follows(request: HttpRequest, handle: str) -> HttpResponse:
    """Whom somebody follows."""
    person = _seen(request, handle)
    people = ties.followed_by(person).order_by("handle")
    title = _("Whom %(name)s follows") % {"name": person.shown_name}
    return _people(request, person, people, title)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def lists(request: HttpRequest) -> HttpResponse:
    """One's lists, and a new one."""
    me, error = account_of(request), ""
    if request.method == "POST":
        try:
            made = ties.make_list(me, request.POST.get("name", ""))
        except TieError as refused:
            error = str(refused)
        else:
            return redirect("list", made.pk)
    mine = PeopleList.objects.filter(owner=me).annotate(size=Count("members")).order_by("name")
    return render(
        request, "lists/lists.html", {"lists": mine, "error": error}, status=422 if error else 200
    )


@login_required
@require_safe
@never_cache
def people_list(request: HttpRequest, list_id: int) -> HttpResponse:
    """The posts of the people on one of one's lists."""
    return _list_page(request, _list(request, list_id))


@login_required
@require_POST
def list_people(request: HttpRequest, list_id: int) -> HttpResponse:
    """Put somebody on a list, or take them off."""
    found = _list(request, list_id)
    handle = request.POST.get("handle", "").strip().removeprefix("@").lower()
    person = User.objects.visible().filter(handle=handle).first()
    if person is None:
        return _list_page(request, found, _("There is no account of this handle here."))
    try:
        if request.POST.get("on") == "1":
            ties.put_on_list(found, person)
        else:
            ties.take_off_list(found, person)
    except TieError as error:
        return _list_page(request, found, str(error))
    return redirect("list", found.pk)


@login_required
@require_POST
def list_delete(request: HttpRequest, list_id: int) -> HttpResponse:
    """Delete a list; the people on it never knew of it."""
    _list(request, list_id).delete()
    return redirect("lists")


def _list_page(request: HttpRequest, found: PeopleList, error: str = "") -> HttpResponse:
    me = account_of(request)
    response = feed(
        request,
        timelines.of_list(found, me, before(request)),
        template="lists/list.html",
        people_list=found,
        people=list(found.people.visible().order_by("handle")),  # type: ignore[attr-defined]
        error=error,
    )
    response.status_code = 422 if error else 200
    return response


def _list(request: HttpRequest, list_id: int) -> PeopleList:
    if list_id >= 2**63:
        raise Http404
    return get_object_or_404(PeopleList, owner=account_of(request), pk=list_id)


def _person(handle: str) -> User:
    return get_object_or_404(User.objects.visible(), handle=handle)


def _seen(request: HttpRequest, handle: str) -> User:
    """Somebody whose page the asker may see. Raises Http404."""
    person, me = _person(handle), asker(request)
    if me is not None and ties.tie(me, person).blocked_by:
        raise Http404
    return person


def _people(request: HttpRequest, person: User, people: object, title: str) -> HttpResponse:
    page = Paginator(people.visible(), A_PAGE).get_page(request.GET.get("page"))  # type: ignore[attr-defined]
    return render(request, "lists/follows.html", {"person": person, "page": page, "title": title})


def _said(act: str, on: bool, other: User) -> str:
    names = {"handle": other.handle}
    if act == "mute":
        return (_("@%(handle)s is muted.") if on else _("@%(handle)s is heard again.")) % names
    return (_("@%(handle)s is blocked.") if on else _("@%(handle)s is no longer blocked.")) % names
