"""What one is told: the list, how one wants to be told, and the browsers that take pushes."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from samvad.notices import service
from samvad.notices.kinds import Group
from samvad.notices.models import Notice
from samvad.web.notice_links import link_of, links_of
from samvad.web.reader import account_of

A_PAGE = 30


@login_required
@require_safe
@never_cache
def notices(request: HttpRequest) -> HttpResponse:
    """The list, newest first; `?group=` keeps those of people, of conversations or of the site."""
    user = account_of(request)
    group = _group(request.GET.get("group"))
    page = Paginator(service.of(user, group), A_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    links = links_of(shown)
    return render(
        request,
        "notices/list.html",
        {
            "page": page,
            "rows": [(notice, links.get(notice.pk, "")) for notice in shown],
            "group": group,
            "newest": max((notice.pk for notice in shown), default=0),
        },
    )


@login_required
@require_safe
@never_cache
def one(request: HttpRequest, notice_id: int) -> HttpResponse:
    """To what a notice is about, which makes it read."""
    notice = get_object_or_404(Notice.objects.select_related("actor"), pk=notice_id)
    user = account_of(request)
    if notice.user_id != user.pk:
        raise Http404
    service.read(user, ids=[notice.pk])
    return redirect(link_of(notice) or reverse("notices"))


@login_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """All up to the newest one that was on the page are read; later ones are not."""
    up_to = request.POST.get("up_to", "")
    if up_to.isascii() and up_to.isdigit() and len(up_to) < 19:
        service.read(account_of(request), up_to=int(up_to))
    return redirect("notices")


def _group(asked: str | None) -> Group | None:
    return Group(asked) if asked in {group.value for group in Group} else None
