"""The moderators' pages: the queue, a report with its evidence, an account, a decision."""

import functools
import mimetypes
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from samvad.accounts.models import User
from samvad.moderation import appeals, evidence, reports, service
from samvad.moderation.errors import ModerationError
from samvad.moderation.kinds import Action
from samvad.moderation.models import Appeal, Decision, Report
from samvad.posts.models import Post
from samvad.web.moderation_forms import LIFTED, AnswerForm, DecisionForm, ReasonForm
from samvad.web.pages import reporting
from samvad.web.reader import account_of

P = ParamSpec("P")

A_PAGE = 30


def moderators_only(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """403 for everybody else, the log-in for who is nobody yet."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not account_of(request).moderates:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return never_cache(login_required(guarded))


@moderators_only
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What waits: reports, appeals by deadline, what wants a second moderator."""
    user = account_of(request)
    waiting = Report.objects.filter(state=Report.State.OPEN).select_related("account", "reporter")
    page = Paginator(waiting.order_by("created_at"), A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "moderation/queue.html",
        {
            "page": page,
            "appeals": Appeal.objects.filter(state=Appeal.State.OPEN)
            .select_related("decision__account")
            .order_by("answer_by")[:A_PAGE],
            "proposed": Decision.objects.filter(state=Decision.State.PROPOSED)
            .exclude(by=user)
            .select_related("account", "by")
            .order_by("created_at")[:A_PAGE],
            "recent": Decision.objects.exclude(state=Decision.State.PROPOSED)
            .select_related("account", "by")
            .order_by("-created_at")[:10],
        },
    )


@moderators_only
@require_http_methods(["GET", "POST"])
def report(request: HttpRequest, report_id: int) -> HttpResponse:
    """A report, what was seen, and what to do about it."""
    found = get_object_or_404(
        Report.objects.select_related("account", "reporter", "closed_by", "decision"), pk=report_id
    )
    post = Post.objects.filter(pk=found.subject).first() if found.subject_kind == "post" else None
    dismissing = "dismiss" in request.POST
    form = DecisionForm(
        request.POST if request.method == "POST" and not dismissing else None,
        of_post=post is not None,
        initial={"rule": found.rule},
    )
    if request.method == "POST":
        done = (
            _try(request, lambda: reports.dismiss(found, account_of(request), ""))
            if dismissing
            else form.is_valid() and _decide(request, form, found.account, post, found)
        )
        if done:
            return redirect("moderation")
    return render(
        request,
        "moderation/one_report.html",
        {
            "report": found,
            "post": post,
            "form": form,
            "pictures": found.evidence.get("files", []),
            "others": Report.objects.filter(account=found.account).exclude(pk=found.pk).count(),
            "two": service.needs_two(found.account),
        },
    )


@moderators_only
@require_safe
def evidence_file(request: HttpRequest, report_id: int, name: str) -> FileResponse:
    """A picture that was kept with a report."""
    path = evidence.file(get_object_or_404(Report, pk=report_id), name)
    if path is None:
        raise Http404
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return FileResponse(path.open("rb"), content_type=kind)


@moderators_only
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest, handle: str) -> HttpResponse:
    """An account with all that was decided about it, and the form to decide more."""
    person = get_object_or_404(User, handle=handle)
    form = DecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _decide(request, form, person):
        return redirect("moderation_account", person.handle)
    return render(
        request,
        "moderation/account.html",
        {
            "person": person,
            "form": form,
            "decisions": person.decisions.select_related("by", "second", "appeal").order_by(
                "-created_at"
            )[:A_PAGE],
            "reports": person.reports_of.order_by("-created_at")[:A_PAGE],
            "two": service.needs_two(person),
        },
    )


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def case(request: HttpRequest, decision_id: str) -> HttpResponse:
    """One decision: for its person, to read and appeal; for moderators, to agree, lift, answer."""
    user = account_of(request)
    decision = get_object_or_404(
        Decision.objects.select_related("account", "by", "second", "appeal"), pk=decision_id
    )
    if user.pk == decision.account_id:
        if decision.in_force_at is None:
            raise Http404
        return reporting.appeal(request, decision)
    if not user.moderates:
        raise Http404
    found = getattr(decision, "appeal", None)
    what = request.POST.get("what", "")
    answer = AnswerForm(request.POST if what == "answer" else None)
    reason = ReasonForm(request.POST if what == "lift" else None)
    if request.method == "POST" and _act(request, what, decision, answer, reason):
        return redirect("case", decision.pk)
    proposed = decision.state == Decision.State.PROPOSED
    answers = found is not None and found.is_open and appeals.may_answer(found, user)
    return render(
        request,
        "moderation/moderators_case.html",
        {
            "decision": decision,
            "appeal": found,
            "answer": answer if answers else None,
            "reason": reason if decision.can_be_lifted else None,
            "second": proposed and user.pk != decision.by_id,
            "proposed": proposed,
        },
    )


def _act(
    request: HttpRequest, what: str, decision: Decision, answer: AnswerForm, reason: ReasonForm
) -> bool:
    user = account_of(request)
    match what:
        case "agree" | "decline":
            return _try(request, lambda: service.second(decision, user, what == "agree"))
        case "lift" if reason.is_valid():
            return _try(
                request, lambda: service.lift(decision, user, reason.cleaned_data["reason"])
            )
        case "answer" if answer.is_valid():
            given = answer.cleaned_data
            return _try(
                request,
                lambda: appeals.answer(
                    decision.appeal, user, given["outcome"] == LIFTED, given["words"]
                ),
            )
    return False


def _decide(
    request: HttpRequest,
    form: DecisionForm,
    person: User,
    post: Post | None = None,
    found: Report | None = None,
) -> bool:
    """Do what the form says; what does not fit is said in it."""
    given = form.cleaned_data
    action = Action(given["action"])
    settled = (
        Report.objects.filter(
            Q(subject_kind=found.subject_kind, subject=found.subject), state=Report.State.OPEN
        )
        if found is not None
        else ()
    )
    try:
        decision = service.decide(
            person,
            action,
            by=account_of(request),
            reason=given["reason"],
            rule=given["rule"],
            until=form.until(),
            post=post if action is Action.HIDE else None,
            reports=list(settled),
        )
    except ModerationError as error:
        form.add_error(None, str(error))
        return False
    messages.success(
        request,
        _("Done. The person has been told.")
        if decision.is_in_force
        else _("Proposed. A second moderator has to agree."),
    )
    return True


def _try(request: HttpRequest, act: Callable[[], Any]) -> bool:
    try:
        act()
    except ModerationError as error:
        messages.error(request, str(error))
        return False
    messages.success(request, _("Done."))
    return True
