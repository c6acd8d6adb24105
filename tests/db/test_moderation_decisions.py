"""Reports, decisions, second moderators, appeals, lapses."""

import datetime as dt

import pytest
from django.utils import timezone

from samvad.accounts import audit
from samvad.accounts.models import AuditRow, User
from samvad.accounts.standing import Standing
from samvad.moderation import appeals, evidence, reports, service
from samvad.moderation.errors import ModerationError
from samvad.moderation.kinds import ACTIONS, MEASURES, Action, undoes
from samvad.moderation.models import Appeal, Decision, Report
from samvad.notices.models import Notice
from samvad.posts import seen
from samvad.posts.models import Post
from samvad.posts.service import create, delete

pytestmark = pytest.mark.django_db


@pytest.fixture
def moderator(db):
    return User.objects.create_user("mina", is_moderator=True)


@pytest.fixture
def second(db):
    return User.objects.create_user("tara", is_moderator=True)


@pytest.fixture
def post(owner):
    return create(owner, "Buy my lamps")


def actions():
    return list(AuditRow.objects.order_by("number").values_list("action", flat=True))


def test_every_measure_but_a_warning_can_be_lifted():
    assert {m for m in MEASURES if ACTIONS[m].undone_by} == set(MEASURES) - {Action.WARN}
    assert undoes(Action.REINSTATE) == [Action.FREEZE, Action.SUSPEND]


def test_a_report_keeps_what_was_seen(owner, other, post):
    made = reports.report(other, post, "spam", "It is always lamps")
    delete(post)
    assert Post.objects.get(pk=post.pk).text == ""
    made.refresh_from_db()
    assert made.evidence["text"] == "Buy my lamps"
    assert made.account == owner
    assert evidence.file(made, "../secret.key") is None


def test_reporting_twice_is_one_report_and_ones_own_none(owner, other, post):
    first = reports.report(other, post, "spam", "")
    assert reports.report(other, post, "hate", "Again") == first
    with pytest.raises(ModerationError, match="your own"):
        reports.report(owner, post, "spam", "")
    with pytest.raises(ModerationError, match="rule"):
        reports.report(other, owner, "nothing", "")


def test_reports_are_bounded(other, monkeypatch):
    monkeypatch.setattr(reports, "A_DAY_MAX", 2)
    people = [User.objects.create_user(f"u{n}") for n in range(3)]
    for person in people[:2]:
        reports.report(other, person, "spam", "")
    with pytest.raises(ModerationError, match="as many reports"):
        reports.report(other, people[2], "spam", "")


def test_what_one_cannot_see_one_cannot_report(owner, other):
    hidden = create(owner, "For followers", visibility="followers")
    assert reports.find("post", hidden.pk, other) is None
    User.objects.filter(pk=owner.pk).update(standing="suspended")
    assert reports.find("account", "asha", other) is None


def test_hiding_a_post_settles_its_reports_and_tells_its_author(owner, other, moderator, post):
    made = reports.report(other, post, "spam", "")
    decision = service.decide(
        owner, Action.HIDE, by=moderator, reason="Spam", rule="spam", post=post, reports=[made]
    )
    assert not seen.can_read(Post.objects.get(pk=post.pk), None)
    made.refresh_from_db()
    assert (made.state, made.decision, made.closed_by) == ("acted", decision, moderator)
    told = Notice.objects.get(user=owner)
    assert (told.subject_kind, told.subject) == ("case", decision.pk)
    row = AuditRow.objects.get()
    assert (row.action, row.subject, row.data["rule"]) == ("post.hide", f"post:{post.pk}", "spam")
    service.lift(decision, moderator, "On a second look")
    assert seen.can_read(Post.objects.get(pk=post.pk), None)
    decision.refresh_from_db()
    assert decision.state == Decision.State.LIFTED
    with pytest.raises(ModerationError, match="nothing to lift"):
        service.lift(decision, moderator, "Again")


@pytest.mark.parametrize("action", [Action.WARN, Action.LIMIT, Action.FREEZE, Action.SUSPEND])
def test_each_measure_has_its_row_and_its_notice(owner, moderator, action):
    service.decide(owner, action, by=moderator, reason="So", rule="spam")
    owner.refresh_from_db()
    assert actions() == [f"account.{action.value}"]
    assert Notice.objects.filter(user=owner).count() == 1
    stands = {Action.FREEZE: Standing.FROZEN, Action.SUSPEND: Standing.SUSPENDED}
    assert owner.stands is stands.get(action, Standing.ACTIVE)
    assert owner.reach_limited == (action is Action.LIMIT)
    assert isinstance(audit.verify(), audit.Whole)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reason": "  "}, "Say why"),
        ({"reason": "x" * 2001}, "too long"),
        ({"rule": ""}, "rule"),
        ({"rule": "because"}, "rule"),
        ({"until": timezone.now() - dt.timedelta(days=1)}, "past"),
        ({"action": Action.HIDE}, "no such post"),
        ({"action": Action.REINSTATE}, "so already"),
    ],
)
def test_what_does_not_fit_changes_nothing(owner, moderator, changes, says):
    asked = {"action": Action.SUSPEND, "reason": "So", "rule": "spam"} | changes
    action = asked.pop("action")
    with pytest.raises(ModerationError, match=says):
        service.decide(owner, action, by=moderator, **asked)
    owner.refresh_from_db()
    assert owner.stands is Standing.ACTIVE
    assert not Decision.objects.exists()
    assert not Notice.objects.exists()


def test_only_moderators_decide_and_nobody_about_themselves(owner, other, staff, moderator):
    for somebody in (other, staff):
        with pytest.raises(ModerationError, match="Only moderators"):
            service.decide(owner, Action.WARN, by=somebody, reason="So", rule="spam")
    with pytest.raises(ModerationError, match="themselves"):
        service.decide(moderator, Action.WARN, by=moderator, reason="So", rule="spam")
    service.decide(moderator, Action.FREEZE, by=None, reason="So", rule="other")
    moderator.refresh_from_db()
    with pytest.raises(ModerationError, match="Only moderators"):
        service.decide(owner, Action.WARN, by=moderator, reason="So", rule="spam")


def test_an_account_on_the_list_needs_two(owner, moderator, second):
    service.set_two(owner, None, True, "A head of state")
    proposed = service.decide(owner, Action.SUSPEND, by=moderator, reason="So", rule="hate")
    owner.refresh_from_db()
    assert (proposed.state, owner.standing) == ("proposed", "active")
    assert not Notice.objects.exists()
    with pytest.raises(ModerationError, match="proposed this yourself"):
        service.second(proposed, moderator, agrees=True)
    service.second(proposed, second, agrees=True)
    owner.refresh_from_db()
    assert owner.stands is Standing.SUSPENDED
    with pytest.raises(ModerationError, match="decided already"):
        service.second(proposed, second, agrees=False)
    row = AuditRow.objects.get(action="account.suspend")
    assert (row.actor, row.data["proposed_by"]) == ("tara", "mina")


def test_a_second_moderator_may_say_no(owner, moderator, second):
    service.set_two(owner, None, True, "A newspaper")
    proposed = service.decide(owner, Action.SUSPEND, by=moderator, reason="So", rule="hate")
    service.second(proposed, second, agrees=False)
    owner.refresh_from_db()
    assert owner.stands is Standing.ACTIVE
    assert actions() == ["account.two_on", "decision.propose", "decision.decline"]


def test_an_appeal_is_one_has_a_deadline_and_is_answered_by_another(owner, moderator, second):
    decision = service.decide(owner, Action.SUSPEND, by=moderator, reason="So", rule="hate")
    made = appeals.appeal(decision, owner, "It was a quotation")
    days = (made.answer_by - timezone.now()).total_seconds() / 86_400
    assert 13.9 < days <= 14
    decision = Decision.objects.get(pk=decision.pk)
    with pytest.raises(ModerationError, match="any more"):
        appeals.appeal(decision, owner, "And again")
    with pytest.raises(ModerationError, match="had a part"):
        appeals.answer(made, moderator, True, "I was wrong")
    appeals.answer(made, second, True, "It was a quotation indeed")
    owner.refresh_from_db()
    assert owner.stands is Standing.ACTIVE
    assert Decision.objects.get(pk=decision.pk).state == Decision.State.LIFTED
    with pytest.raises(ModerationError, match="decided already"):
        appeals.answer(made, second, False, "No")
    assert actions()[-3:] == ["appeal.open", "appeal.overturned", "account.reinstate"]


def test_an_appeal_that_is_upheld_changes_nothing_but_is_told(owner, moderator, second):
    decision = service.decide(owner, Action.LIMIT, by=moderator, reason="So", rule="spam")
    made = appeals.appeal(decision, owner, "No")
    assert not made.overdue
    appeals.answer(made, second, False, "It was spam")
    owner.refresh_from_db()
    assert owner.reach_limited
    assert Notice.objects.filter(user=owner).count() == 2
    assert Appeal.objects.get().state == "upheld"


def test_appeals_close(owner, other, moderator):
    decision = service.decide(owner, Action.LIMIT, by=moderator, reason="So", rule="spam")
    assert not appeals.may_appeal(decision, other)
    long_ago = timezone.now() - dt.timedelta(days=181)
    Decision.objects.filter(pk=decision.pk).update(in_force_at=long_ago)
    assert not appeals.may_appeal(Decision.objects.get(pk=decision.pk), owner)
    back = service.decide(owner, Action.UNLIMIT, by=moderator, reason="Enough")
    assert not appeals.may_appeal(back, owner)


def test_a_suspension_for_a_time_ends_by_the_clock(owner, moderator):
    until = timezone.now() + dt.timedelta(days=7)
    decision = service.decide(
        owner, Action.SUSPEND, by=moderator, reason="So", rule="spam", until=until
    )
    assert service.lapse_due() == 0
    User.objects.filter(pk=owner.pk).update(standing_until=timezone.now())
    assert service.lapse_due() == 1
    owner.refresh_from_db()
    decision.refresh_from_db()
    assert (owner.stands, owner.standing_until) == (Standing.ACTIVE, None)
    assert decision.state == Decision.State.LIFTED
    assert service.lapse_due() == 0


def test_a_dismissed_report_is_closed_and_its_evidence_forgotten_in_time(other, moderator, post):
    made = reports.report(other, post, "spam", "Hm")
    reports.dismiss(made, moderator, "No breach")
    assert evidence.sweep() == 0
    Report.objects.update(closed_at=timezone.now() - dt.timedelta(days=366))
    assert evidence.sweep() == 1
    made.refresh_from_db()
    assert (made.evidence, made.words) == ({}, "")
    with pytest.raises(ModerationError, match="decided already"):
        reports.dismiss(made, moderator, "")


def test_pictures_are_kept_as_copies(owner, other, post):
    from samvad.posts import media
    from samvad.posts.models import Medium

    medium = Medium.objects.create(owner=owner, post=post, kind="photo", files={"jpg": "jpg.jpg"})
    media.folder(medium).mkdir(parents=True)
    (media.folder(medium) / "jpg.jpg").write_bytes(b"a picture")
    made = reports.report(other, post, "sexual", "")
    delete(post)
    kept = evidence.file(made, "0-jpg.jpg")
    assert kept is not None
    assert kept.read_bytes() == b"a picture"
    assert evidence.file(made, "0-other.jpg") is None


def test_marks_are_for_whoever_runs_the_site(owner, moderator, staff):
    with pytest.raises(ModerationError, match="runs this site"):
        service.set_official(owner, moderator, "The city", "So")
    service.set_official(owner, None, "  The   city ", "Verified by letter")
    assert owner.official == "The city"
    service.set_moderator(owner, None, True, "Elected")
    assert owner.moderates
    assert service.needs_two(owner)
    assert actions() == ["account.official", "account.moderator"]
