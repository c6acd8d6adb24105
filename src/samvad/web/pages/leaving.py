"""Taking one's data along, leaving, and thinking better of it."""

import datetime as dt

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from samvad.accounts.models import Archive
from samvad.accounts.moves import move
from samvad.accounts.standing import Act, Standing, after
from samvad.web import archives
from samvad.web.account_forms import LeaveForm
from samvad.web.reader import account_of


@never_cache
@login_required
@require_safe
def my_data(request: HttpRequest) -> HttpResponse:
    """The archive, and the way out."""
    return _page(request)


@never_cache
@login_required
@require_POST
def archive_new(request: HttpRequest) -> HttpResponse:
    """Ask for an archive; one at a time."""
    archives.ask(account_of(request))
    return redirect("my_data")


@never_cache
@login_required
@require_safe
def archive(request: HttpRequest, archive_id: int) -> FileResponse:
    """The file, for its owner alone."""
    found = get_object_or_404(
        Archive, pk=min(archive_id, 2**63 - 1), user=account_of(request), made_at__isnull=False
    )
    path = archives.path_of(found)
    if path is None:
        raise Http404
    name = f"samvad-{account_of(request).handle}-{found.asked_at:%Y-%m-%d}.zip"
    return FileResponse(
        path.open("rb"), content_type="application/zip", as_attachment=True, filename=name
    )


@never_cache
@login_required
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """Ask for one's account to be deleted when the grace period is over."""
    user = account_of(request)
    form = LeaveForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        until = timezone.now() + dt.timedelta(days=settings.SAMVAD.accounts.deletion_days)
        move(user, Act.LEAVE, by=user, until=until)
        return redirect("standing")
    return _page(request, form)


@never_cache
@login_required
@require_POST
def stay(request: HttpRequest) -> HttpResponse:
    """Keep the account after all."""
    user = account_of(request)
    move(user, Act.STAY, by=user)
    return redirect("standing")


def _page(request: HttpRequest, form: LeaveForm | None = None) -> HttpResponse:
    user = account_of(request)
    may_leave = after(user.stands, Act.LEAVE) is Standing.DELETING
    return render(
        request,
        "account/data.html",
        {
            "archive": archives.newest(user),
            "leave": (form or LeaveForm(user=user)) if may_leave else None,
            "form": form,
            "days": settings.SAMVAD.accounts.deletion_days,
        },
    )
