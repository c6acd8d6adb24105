"""Reporting something, and where the person of an account reads how it stands."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from samvad.events.models import Event
from samvad.moderation import appeals, reports
from samvad.moderation.errors import ModerationError
from samvad.moderation.models import Decision
from samvad.posts.models import Post
from samvad.web.moderation_forms import AppealForm, ReportForm
from samvad.web.reader import account_of

DECISIONS_SHOWN = 50


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def report(request: HttpRequest, kind: str, about: str) -> HttpResponse:
    """Report an account, a post or a conversation."""
    user = account_of(request)
    subject = reports.find(kind, about, user)
    if subject is None:
        raise Http404
    form = ReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reports.report(user, subject, **form.cleaned_data)
        except ModerationError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Thank you. Moderators will look at it."))
            return redirect("profile", reports.account_of(subject).handle)
    return render(
        request,
        "moderation/report.html",
        {
            "form": form,
            "person": reports.account_of(subject),
            "post": subject if isinstance(subject, Post) else None,
            "event": subject if isinstance(subject, Event) else None,
        },
    )


@login_required
@require_safe
@never_cache
def standing(request: HttpRequest) -> HttpResponse:
    """How one's account stands, why, and what can be done about it."""
    user = account_of(request)
    decisions = Decision.objects.filter(account=user, in_force_at__isnull=False).select_related(
        "appeal"
    )
    return render(
        request,
        "moderation/standing.html",
        {"decisions": decisions.order_by("-created_at")[:DECISIONS_SHOWN]},
    )


def appeal(request: HttpRequest, decision: Decision) -> HttpResponse:
    """The person's view of one decision: what, by which rule, why; and the appeal."""
    user = account_of(request)
    form = AppealForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            appeals.appeal(decision, user, form.cleaned_data["words"])
        except ModerationError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Your appeal is with the moderators."))
            return redirect("case", decision.pk)
    return render(
        request,
        "moderation/case.html",
        {
            "decision": decision,
            "appeal": getattr(decision, "appeal", None),
            "form": form if appeals.may_appeal(decision, user) else None,
            "closes": appeals.closes_at(decision),
        },
    )
