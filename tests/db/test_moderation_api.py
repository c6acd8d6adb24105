"""Moderating by the API: the same services, the same permissions."""

import pytest

from samvad.accounts import service
from samvad.accounts.models import User
from samvad.posts.service import create

pytestmark = pytest.mark.django_db

ROOT = "/api/v1"


@pytest.fixture
def people(owner, other):
    mina = User.objects.create_user("mina", is_moderator=True)
    tara = User.objects.create_user("tara", is_moderator=True)
    return {"asha": owner, "bela": other, "mina": mina, "tara": tara}


@pytest.fixture
def ask(client, people):
    tokens = {name: service.issue_token(user) for name, user in people.items()}

    def go(name, method, path, given=None):
        headers = {"Authorization": f"Bearer {tokens[name]}"} if name else {}
        return getattr(client, method)(
            f"{ROOT}{path}", given, content_type="application/json", headers=headers
        )

    return go


def test_from_a_report_to_an_appeal(ask, people):
    post = create(people["asha"], "Buy my lamps")
    made = ask("bela", "post", "/reports", {"kind": "post", "about": post.pk, "rule": "spam"})
    assert made.status_code == 201
    waiting = ask("mina", "get", "/moderation/reports").json()
    assert waiting["items"][0]["evidence"]["text"] == "Buy my lamps"
    decision = ask(
        "mina", "post", "/moderation/decisions",
        {"account": "asha", "action": "hide", "reason": "Spam", "rule": "spam", "post": post.pk},
    ).json()  # fmt: skip
    assert decision["state"] == "in_force"
    assert ask("mina", "get", "/moderation/reports").json()["items"] == []
    mine = ask("asha", "get", "/decisions/mine").json()["items"]
    assert [d["id"] for d in mine] == [decision["id"]]
    case = f"/decisions/{decision['id']}"
    assert ask("bela", "post", f"{case}/appeal", {"words": "No"}).status_code == 404
    assert ask("asha", "post", f"{case}/appeal", {"words": "No"}).status_code == 201
    answered = {"lifted": True, "words": "True"}
    assert ask("mina", "post", f"/moderation{case}/answer", answered).status_code == 422
    told = ask("tara", "post", f"/moderation{case}/answer", answered).json()
    assert (told["state"], told["appeal"]["state"]) == ("lifted", "overturned")
    log = ask("", "get", "/transparency?limit=2").json()
    assert len(log["items"]) == 2
    assert log["next"]


MODERATING = [
    ("get", "/moderation/reports", None),
    ("get", "/moderation/reports/1", None),
    ("post", "/moderation/reports/1/dismiss", {"reason": "x"}),
    ("get", "/moderation/decisions", None),
    ("post", "/moderation/decisions", {"account": "bela", "action": "suspend", "reason": "x"}),
    ("post", "/moderation/decisions/0000000000/second", {"agrees": True}),
    ("post", "/moderation/decisions/0000000000/lift", {"reason": "x"}),
    ("post", "/moderation/decisions/0000000000/answer", {"lifted": True, "words": "x"}),
]


@pytest.mark.parametrize(("method", "path", "given"), MODERATING)
def test_only_moderators_moderate(ask, people, method, path, given):
    assert ask("", method, path, given).status_code == 401
    assert ask("asha", method, path, given).status_code == 403
    assert ask("mina", method, path, given).status_code not in (401, 403)


def test_a_profile_is_changed_by_a_program(ask, people):
    answer = ask("asha", "patch", "/accounts/me", {"about": "I write."})
    assert (answer.json()["about"], answer.json()["name"]) == ("I write.", "Asha Patel")
    wrong = ask("asha", "patch", "/accounts/me", {"links": ["javascript:x"]})
    assert wrong.status_code == 422
