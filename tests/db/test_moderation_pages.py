"""Pages of reporting and moderating: who may open what, and the way through them."""

import pytest
from django.utils import timezone

from samvad.accounts import audit, ties
from samvad.accounts.models import AuditRow, User
from samvad.accounts.moves import move
from samvad.accounts.standing import Act
from samvad.moderation import reports, service, transparency
from samvad.moderation.kinds import Action
from samvad.moderation.models import Appeal, Decision, Report
from samvad.posts.models import Post
from samvad.posts.service import create
from tests.db.conftest import logged_in
from tests.kit.queries import few_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def mina(db):
    return User.objects.create_user("mina", is_moderator=True)


@pytest.fixture
def tara(db):
    return User.objects.create_user("tara", is_moderator=True)


@pytest.fixture
def post(owner):
    return create(owner, "Buy my lamps")


@pytest.fixture
def found(other, post):
    return reports.report(other, post, "spam", "Always lamps")


@pytest.fixture
def decision(owner, mina):
    return service.decide(owner, Action.LIMIT, by=mina, reason="Lamps", rule="spam")


ROLES = ["nobody", "owner", "follower", "stranger", "suspended", "frozen", "moderator"]


@pytest.fixture
def clients(client, owner, other, mina):
    """A browser for each kind of reader. The owner is whom things are about."""
    people = {
        "owner": owner,
        "follower": other,
        "stranger": User.objects.create_user("stranger"),
        "suspended": User.objects.create_user("susp"),
        "frozen": User.objects.create_user("froz"),
        "moderator": mina,
    }
    ties.follow(other, owner)
    move(people["suspended"], Act.SUSPEND, by=None)
    move(people["frozen"], Act.FREEZE, by=None)
    return {"nobody": client} | {name: logged_in(user) for name, user in people.items()}


PAGES = {
    # page: what each role is answered: 2 read it, 3 sent elsewhere, 4 refused
    "/@asha": "2222322",
    "/rules": "2222222",
    "/transparency/": "2222222",
    "/transparency/log.json": "2222222",
    "/standing": "3222222",
    "/report/account/asha": "3222322",
    "/report/post/{post}": "3222322",
    "/report/post/nothing0": "3444344",
    "/moderation/": "3444342",
    "/moderation/@asha": "3444342",
    "/moderation/reports/{report}": "3444342",
    "/moderation/reports/{report}/0-x.jpg": "3444344",
    "/cases/{decision}": "3244442",
    "/cases/0000000000": "3444444",
}


@pytest.mark.parametrize("path", PAGES)
def test_who_may_open_what(clients, path, post, found, decision):
    address = path.format(post=post.pk, report=found.pk, decision=decision.pk)
    for role, wanted in zip(ROLES, PAGES[path], strict=True):
        with few_queries():
            answer = clients[role].get(address)
        assert str(answer.status_code)[0] == wanted, (role, answer.status_code)


@pytest.mark.parametrize("path", ["/moderation/@asha", "/moderation/reports/{report}"])
def test_only_moderators_decide_by_a_page(clients, path, found):
    asked = {"action": "suspend", "rule": "spam", "reason": "So"}
    for role in ROLES[:-1]:
        answer = clients[role].post(path.format(report=found.pk), asked)
        assert answer.status_code in (302, 403), role
    assert not Decision.objects.exists()
    clients["moderator"].post(path.format(report=found.pk), asked)
    assert Decision.objects.get().acts is Action.SUSPEND


def test_frozen_and_suspended_people_change_nothing_anywhere(clients, event):
    for role in ("frozen", "suspended"):
        for path in ("/events/new", "/report/account/asha", f"/events/{event.pk}/cancel"):
            answer = clients[role].post(path, {"rule": "spam"})
            assert answer.status_code == 403, (role, path)
            assert "Not with this account now" in answer.content.decode()
    assert clients["suspended"].get("/").headers["Location"] == "/standing"
    assert clients["frozen"].get("/").status_code == 200
    for role in ("frozen", "suspended"):
        assert clients[role].post("/accounts/logout/").status_code == 302


def test_a_report_goes_through_the_queue_to_a_decision(as_other, owner, mina, post):
    answer = as_other.post(f"/report/post/{post.pk}", {"rule": "spam", "words": "Lamps"})
    assert answer.status_code == 302
    report = Report.objects.get()
    moderator = logged_in(mina)
    assert "Buy my lamps" in moderator.get("/moderation/").content.decode()
    page = moderator.get(f"/moderation/reports/{report.pk}").content.decode()
    assert "Buy my lamps" in page
    assert "bela" not in page  # who reported is nobody's business
    answer = moderator.post(
        f"/moderation/reports/{report.pk}",
        {"action": "hide", "rule": "spam", "reason": "It is an advertisement", "days": ""},
    )
    assert answer.headers["Location"] == "/moderation/"
    assert Post.objects.get(pk=post.pk).gone == "hidden"
    report.refresh_from_db()
    assert report.state == "acted"
    case = logged_in(owner).get(f"/cases/{report.decision_id}").content.decode()
    assert "It is an advertisement" in case
    assert "mina" not in case


def test_what_does_not_fit_is_said_on_the_page(mina, found):
    moderator = logged_in(mina)
    page = moderator.post(
        f"/moderation/reports/{found.pk}", {"action": "suspend", "rule": "spam", "reason": ""}
    ).content.decode()
    assert "One thing does not fit yet." in page
    User.objects.filter(pk=found.account_id).update(standing="suspended")
    page = moderator.post(
        f"/moderation/reports/{found.pk}", {"action": "suspend", "rule": "spam", "reason": "So"}
    ).content.decode()
    assert "It is so already." in page


def test_a_suspension_for_days(mina, owner):
    logged_in(mina).post(
        "/moderation/@asha", {"action": "suspend", "rule": "hate", "reason": "So", "days": "7"}
    )
    owner.refresh_from_db()
    assert owner.standing_until is not None
    assert 6.9 < (owner.standing_until - timezone.now()).total_seconds() / 86_400 <= 7


def test_an_appeal_is_made_by_its_person_and_answered_by_another(owner, decision, mina, tara):
    person = logged_in(owner)
    case = f"/cases/{decision.pk}"
    assert person.post(case, {"words": "They were my own lamps"}).status_code == 302
    appeal = Appeal.objects.get()
    logged_in(mina).post(case, {"what": "answer", "outcome": "lifted", "words": "x"})
    appeal.refresh_from_db()
    assert appeal.is_open
    assert "Answer the appeal" not in logged_in(mina).get(case).content.decode()
    answer = logged_in(tara).post(case, {"what": "answer", "outcome": "lifted", "words": "True"})
    assert answer.status_code == 302
    owner.refresh_from_db()
    assert not owner.reach_limited
    assert "the decision is lifted" in person.get(case).content.decode()


def test_a_suspended_person_appeals_too(owner, mina, client):
    decision = service.decide(owner, Action.SUSPEND, by=mina, reason="So", rule="hate")
    owner.refresh_from_db()
    person = logged_in(owner)
    assert "Your account is suspended" in person.get("/standing").content.decode()
    assert person.post(f"/cases/{decision.pk}", {"words": "No"}).status_code == 302
    assert Appeal.objects.get().words == "No"


def test_two_moderators_on_the_page(owner, mina, tara):
    service.set_two(owner, None, True, "A head of state")
    asked = {"action": "suspend", "rule": "hate", "reason": "So"}
    page = logged_in(mina).post("/moderation/@asha", asked, follow=True).content.decode()
    assert "A second moderator has to agree" in page
    case = f"/cases/{Decision.objects.get().pk}"
    assert 'value="agree"' not in logged_in(mina).get(case).content.decode()
    assert logged_in(owner).get(case).status_code == 404  # nothing is decided yet
    logged_in(tara).post(case, {"what": "agree"})
    owner.refresh_from_db()
    assert owner.standing == "suspended"


def test_a_suspended_profile_says_so_and_can_be_let_go(as_other, owner, other, client):
    ties.follow(other, owner)
    move(owner, Act.SUSPEND, by=None, reason="Then")
    for reader in (client, as_other):
        answer = reader.get("/@asha")
        assert answer.status_code == 410
        assert "This account is suspended." in answer.content.decode()
        assert "no-store" in answer.headers["Cache-Control"]
        assert "Asha Patel" not in answer.content.decode()
    assert as_other.post("/@asha/let-go").status_code == 302
    assert not ties.follows(other, owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert client.get("/@asha").status_code == 404


def test_the_public_log_names_suspensions_and_only_counts_warnings(client, owner, mina):
    service.decide(owner, Action.WARN, by=mina, reason="A word between us", rule="spam")
    service.decide(owner, Action.SUSPEND, by=mina, reason="Threats", rule="harassment")
    page = client.get("/transparency/").content.decode()
    assert "Threats" in page
    assert "@asha" in page
    assert "A word between us" not in page
    assert "An account was warned" in page
    assert "mina" not in page


def test_words_are_withheld_and_the_chain_stays_whole(client, owner, mina):
    service.decide(owner, Action.SUSPEND, by=mina, reason="Names a victim", rule="private")
    row = AuditRow.objects.get(action="account.suspend")
    assert client.post(f"/transparency/{row.number}/redact", {"why": "x"}).status_code == 302
    assert "Names a victim" in client.get("/transparency/").content.decode()
    logged_in(mina).post(f"/transparency/{row.number}/redact", {"why": "A court's order"})
    page = client.get("/transparency/").content.decode()
    assert "Names a victim" not in page
    assert "@asha" not in page
    assert "A court&#x27;s order" in page
    assert isinstance(audit.verify(), audit.Whole)
    rows = client.get("/transparency/log.json").json()["rows"]
    assert [r["number"] for r in rows] == [1, 2]
    assert "Names a victim" not in str(rows)
    before = audit.FIRST_SEAL
    for r in rows:  # anybody can check the chain from the file alone
        parts = [r["number"], r["at_ms"], r["action"], r["details"], before]
        assert r["seal"] == audit._digest(parts)
        before = r["seal"]


def test_only_known_actions_are_listed(client, owner):
    audit.record(None, "something.private", "@asha", "A secret")
    assert transparency.public_rows().count() == 0
    row = client.get("/transparency/log.json").json()["rows"][0]
    assert (row["subject"], row["reason"]) == ("", "")
