"""Reports, decisions, appeals and the public log."""

import datetime as dt
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Path, Router, Schema, Status

from samvad.accounts.models import User
from samvad.accounts.scopes import Scope
from samvad.moderation import appeals, reports, service, transparency
from samvad.moderation.kinds import Action, Rule
from samvad.moderation.models import WORDS_MAX, Appeal, Decision, Report
from samvad.posts.models import Post
from samvad.web.api.cursor import Cursor, Limit, Page, page
from samvad.web.api.keys import anybody, key, who
from samvad.web.api.problems import ERRORS, Refused

router = Router()

moderators = key(Scope.MODERATE)
DecisionId = Annotated[str, Path(pattern=r"^[a-z0-9]{10}$")]
ReportId = Annotated[int, Path(ge=1, lt=2**53)]
Words = Annotated[str, Field(max_length=WORDS_MAX)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,40}$")]
Handle = Annotated[str, Field(pattern=r"^[a-z0-9_]{2,30}$")]
RuleName = Literal[
    "spam", "harassment", "hate", "violence", "sexual", "minors", "private", "impersonation",
    "illegal", "other",
]  # fmt: skip
ActionName = Literal["warn", "hide", "limit", "freeze", "suspend", "show", "unlimit", "reinstate"]


class NewReport(Schema):
    """`about`: the handle of an account, or the id of a post or a conversation."""

    kind: Literal["account", "post", "event"]
    about: Id
    rule: RuleName
    words: Words = ""


class ReportShown(Schema):
    """`evidence` is what was seen when it was reported."""

    id: int
    account: str
    kind: str
    about: str
    rule: str
    words: str
    state: str
    created_at: dt.datetime
    evidence: dict[str, Any]
    decision: str | None


class NewDecision(Schema):
    """`rule` is needed for what is decided against somebody; `post` for hide and show."""

    account: Handle
    action: ActionName
    reason: Annotated[str, Field(min_length=1, max_length=WORDS_MAX)]
    rule: RuleName | None = None
    until: dt.datetime | None = None
    post: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,16}$")] | None = None


class AppealShown(Schema):
    words: str
    state: str
    answer_by: dt.datetime
    answer: str


class DecisionShown(Schema):
    """`state`: proposed (a second moderator has to agree), in_force, lifted, declined."""

    id: str
    account: str
    action: str
    rule: str
    reason: str
    post: str
    state: str
    until: dt.datetime | None
    created_at: dt.datetime
    appeal: AppealShown | None


class Reason(Schema):
    reason: Annotated[str, Field(min_length=1, max_length=WORDS_MAX)]


class Second(Schema):
    agrees: bool


class Answer(Schema):
    """`lifted`: the decision was wrong."""

    lifted: bool
    words: Annotated[str, Field(min_length=1, max_length=WORDS_MAX)]


class NewAppeal(Schema):
    words: Annotated[str, Field(min_length=1, max_length=WORDS_MAX)]


class Line(Schema):
    """A row of the public log; `seal` = SHA-256 over number, at_ms, action, details, before."""

    number: int
    at_ms: int
    action: str
    details: str
    before: str
    seal: str
    subject: str
    reason: str
    rule: str
    redacted: str


@router.post("/reports", auth=key(Scope.ACCOUNT), response={201: ReportShown, **ERRORS})
def report(request: HttpRequest, given: NewReport) -> Status[Any]:
    """Report an account, a post or a conversation."""
    subject = reports.find(given.kind, given.about, who(request))
    if subject is None:
        raise Refused(404, "There is no such thing to report.")
    made = reports.report(who(request), subject, given.rule, given.words)
    return Status(201, _report(made))


@router.get("/decisions/mine", auth=key(Scope.READ), response={200: Page[DecisionShown], **ERRORS})
def mine(request: HttpRequest, cursor: Cursor, limit: Limit) -> dict[str, Any]:
    """What was decided about one's own account."""
    rows = Decision.objects.filter(account=who(request), in_force_at__isnull=False)
    return _decisions(rows, cursor, limit)


@router.post(
    "/decisions/{decision_id}/appeal",
    auth=key(Scope.ACCOUNT),
    response={201: DecisionShown, **ERRORS},
)
def appeal(request: HttpRequest, decision_id: DecisionId, given: NewAppeal) -> Status[Any]:
    """Appeal a decision about one's own account."""
    decision = get_object_or_404(_with_all(), pk=decision_id, account=who(request))
    appeals.appeal(decision, who(request), given.words)
    return Status(201, _decision(get_object_or_404(_with_all(), pk=decision_id)))


@router.get("/moderation/reports", auth=moderators, response={200: Page[ReportShown], **ERRORS})
def waiting(request: HttpRequest, cursor: Cursor, limit: Limit) -> dict[str, Any]:
    """Open reports, oldest first."""
    rows = Report.objects.filter(state=Report.State.OPEN).select_related("account")
    return page(rows, cursor, limit, _report, by=("created_at", "pk"))


@router.get(
    "/moderation/reports/{report_id}", auth=moderators, response={200: ReportShown, **ERRORS}
)
def one_report(request: HttpRequest, report_id: ReportId) -> dict[str, Any]:
    """A report with its evidence."""
    return _report(get_object_or_404(Report.objects.select_related("account"), pk=report_id))


@router.post(
    "/moderation/reports/{report_id}/dismiss",
    auth=moderators,
    response={200: ReportShown, **ERRORS},
)
def dismiss(request: HttpRequest, report_id: ReportId, given: Reason) -> dict[str, Any]:
    """No breach."""
    found = get_object_or_404(Report.objects.select_related("account"), pk=report_id)
    reports.dismiss(found, who(request), given.reason)
    return _report(found)


@router.get("/moderation/decisions", auth=moderators, response={200: Page[DecisionShown], **ERRORS})
def decisions(
    request: HttpRequest, cursor: Cursor, limit: Limit, account: str = ""
) -> dict[str, Any]:
    """What was decided, newest first; of one account, or of all."""
    rows = Decision.objects.all()
    if account:
        rows = rows.filter(account__handle=account.lower()[:40])
    return _decisions(rows, cursor, limit)


@router.post("/moderation/decisions", auth=moderators, response={201: DecisionShown, **ERRORS})
def decide(request: HttpRequest, given: NewDecision) -> Status[Any]:
    """Decide about an account, or a post of it. Open reports about the same are settled by it."""
    account = get_object_or_404(User, handle=given.account)
    post = Post.objects.filter(pk=given.post).first() if given.post else None
    until = given.until
    if until is not None and until.tzinfo is None:
        raise Refused(422, "Write `until` with its offset from UTC.")
    same = Report.objects.filter(
        state=Report.State.OPEN,
        subject_kind="post" if post else "account",
        subject=post.pk if post else account.handle,
    )
    made = service.decide(
        account,
        Action(given.action),
        by=who(request),
        reason=given.reason,
        rule=given.rule or "",
        until=until,
        post=post,
        reports=list(same),
    )
    return Status(201, _decision(get_object_or_404(_with_all(), pk=made.pk)))


@router.post(
    "/moderation/decisions/{decision_id}/second",
    auth=moderators,
    response={200: DecisionShown, **ERRORS},
)
def second(request: HttpRequest, decision_id: DecisionId, given: Second) -> dict[str, Any]:
    """The second moderator's word."""
    service.second(get_object_or_404(Decision, pk=decision_id), who(request), given.agrees)
    return _decision(get_object_or_404(_with_all(), pk=decision_id))


@router.post(
    "/moderation/decisions/{decision_id}/lift",
    auth=moderators,
    response={200: DecisionShown, **ERRORS},
)
def lift(request: HttpRequest, decision_id: DecisionId, given: Reason) -> dict[str, Any]:
    """Undo a decision that is in force."""
    service.lift(get_object_or_404(Decision, pk=decision_id), who(request), given.reason)
    return _decision(get_object_or_404(_with_all(), pk=decision_id))


@router.post(
    "/moderation/decisions/{decision_id}/answer",
    auth=moderators,
    response={200: DecisionShown, **ERRORS},
)
def answer(request: HttpRequest, decision_id: DecisionId, given: Answer) -> dict[str, Any]:
    """Answer the appeal against a decision."""
    found = get_object_or_404(Appeal.objects.select_related("decision"), decision=decision_id)
    appeals.answer(found, who(request), given.lifted, given.words)
    return _decision(get_object_or_404(_with_all(), pk=decision_id))


@router.get("/transparency", auth=anybody, response={200: Page[Line], **ERRORS})
def log(request: HttpRequest, cursor: Cursor, limit: Limit) -> dict[str, Any]:
    """The public log, newest first."""
    found = page(transparency.public_rows(), cursor, limit, lambda row: row, by=("-number",))
    shown = [transparency.as_json(line) for line in transparency.lines(found["items"])]
    return {"items": shown, "next": found["next"]}


@router.get("/rules", auth=anybody, response={200: dict[str, str], **ERRORS})
def rules(request: HttpRequest) -> dict[str, str]:
    """The rules of this site: name → words, in the language that was asked for."""
    return {rule.value: str(rule.label) for rule in Rule}


def _with_all() -> Any:
    return Decision.objects.select_related("account", "appeal")


def _decisions(rows: Any, cursor: str, limit: int) -> dict[str, Any]:
    rows = rows.select_related("account", "appeal")
    return page(rows, cursor, limit, _decision, by=("-created_at", "-pk"))


def _report(row: Report) -> dict[str, Any]:
    return {
        "id": row.pk,
        "account": row.account.handle,
        "kind": row.subject_kind,
        "about": row.subject,
        "rule": row.rule,
        "words": row.words,
        "state": row.state,
        "created_at": row.created_at,
        "evidence": row.evidence,
        "decision": row.decision_id,
    }


def _decision(row: Decision) -> dict[str, Any]:
    found: Appeal | None = getattr(row, "appeal", None)
    return {
        "id": row.pk,
        "account": row.account.handle,
        "action": row.action,
        "rule": row.rule,
        "reason": row.reason,
        "post": row.post,
        "state": row.state,
        "until": row.until,
        "created_at": row.created_at,
        "appeal": found
        and {
            "words": found.words,
            "state": found.state,
            "answer_by": found.answer_by,
            "answer": found.answer,
        },
    }
