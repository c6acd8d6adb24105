"""Conversations and notifications by the API: owner, another, nobody; and what does not fit."""

import datetime as dt
import json

import pytest

from samvad.accounts import moves
from samvad.accounts.scopes import Scope
from samvad.accounts.standing import Act
from samvad.events.models import Event, Reminder
from samvad.notices import service as notices
from samvad.notices.kinds import Kind
from samvad.posts.models import Post
from tests.db.test_web_api import bearer, is_problem

pytestmark = pytest.mark.django_db

BASE = "/api/v1/events"


def ask(client, method, path, body=None, user=None, *scopes):
    headers = bearer(user, *scopes) if user else {}
    call = getattr(client, method)
    if method in ("get", "delete"):
        return call(path, headers=headers)
    return call(path, json.dumps(body or {}), content_type="application/json", headers=headers)


@pytest.fixture
def starts(soon):
    return soon.isoformat()


def test_announcing_with_a_post(client, owner, starts):
    said = {"title": "Rivers", "starts_at": starts, "zone": "Asia/Kolkata", "speakers": ["Bela"],
            "way": "priority", "post": True, "post_text": "Come!"}  # fmt: skip
    answer = ask(client, "post", BASE, said, owner)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    event = Event.objects.get(pk=made["id"])
    post = Post.objects.get(pk=made["post"])
    assert (post.event, post.text, post.author) == (event.pk, "Come!", owner)
    assert made["links"]["speakers"][0]["name"] == "Bela"
    assert made["links"]["studio"].startswith("http://127.0.0.1:8000/studio/")
    assert made["way"] == "priority"
    assert made["url"] == f"http://127.0.0.1:8001/e/{event.slug}"


def test_reading_needs_no_token_and_tells_no_secret(client, owner, event):
    answer = ask(client, "get", f"{BASE}/{event.pk}")
    assert answer.status_code == 200
    told = answer.content.decode()
    assert "Rivers" in told
    for speaker in event.speakers.all():
        assert speaker.token not in told
    listed = ask(client, "get", BASE).json()
    assert [one["id"] for one in listed["items"]] == [event.pk]
    assert listed["next"] is None
    assert ask(client, "get", f"{BASE}?host=nobody").json()["items"] == []
    assert ask(client, "get", f"{BASE}?state=live").json()["items"] == []
    assert ask(client, "get", f"{BASE}?state=x").json()["items"] == []


def test_links_are_its_hosts_alone(client, owner, other, event):
    assert ask(client, "get", f"{BASE}/{event.pk}/links", None, owner).status_code == 200
    is_problem(ask(client, "get", f"{BASE}/{event.pk}/links", None, other), 404)
    is_problem(ask(client, "get", f"{BASE}/{event.pk}/links"), 401)


def test_another_changes_nothing(client, other, event, starts):
    for method, path, body in (
        ("patch", "", {"title": "Mine"}),
        ("post", "/move", {"starts_at": starts}),
        ("post", "/cancel", {}),
    ):
        is_problem(ask(client, method, f"{BASE}/{event.pk}{path}", body, other), 404)
        is_problem(ask(client, method, f"{BASE}/{event.pk}{path}", body), 401)
    event.refresh_from_db()
    assert event.title == "Rivers and cities"


def test_changing_moving_and_cancelling(client, owner, event, soon):
    answer = ask(client, "patch", f"{BASE}/{event.pk}", {"title": "Lakes"}, owner)
    assert answer.json()["title"] == "Lakes"
    assert answer.json()["speakers"] == ["Asha Patel", "Bela", "ચંપા"]
    later = soon + dt.timedelta(days=1)
    answer = ask(client, "post", f"{BASE}/{event.pk}/move", {"starts_at": later.isoformat()}, owner)
    assert answer.status_code == 200
    event.refresh_from_db()
    assert (event.starts_at, event.zone, event.sequence) == (later, "Asia/Kolkata", 2)
    assert (
        ask(client, "post", f"{BASE}/{event.pk}/cancel", {}, owner).json()["state"] == "cancelled"
    )
    is_problem(ask(client, "post", f"{BASE}/{event.pk}/cancel", {}, owner), 422)


def test_a_token_without_the_scope(client, owner, event, starts):
    said = {"title": "T", "starts_at": starts}
    is_problem(ask(client, "post", BASE, said, owner, Scope.READ), 403)
    assert ask(client, "post", BASE, said, owner, Scope.EVENTS).status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "x" * 121},
        {"title": "\0"},
        {"title": " "},
        {"starts_at": "2026-01-01T00:00:00"},
        {"starts_at": "0001-01-01T00:00:00+14:00"},
        {"starts_at": "9999-12-31T23:59:59-12:00"},
        {"zone": "Mars/Base"},
        {"zone": "../etc"},
        {"seats": 0},
        {"speakers": ["A"] * 2},
        {"speakers": ["x" * 81]},
        {"speakers": ["\0"]},
        {"way": "sideways"},
        {"passphrase": "x", "way": "invite"},
        {"post": True, "post_text": "x" * 5000},
    ],
)
def test_what_does_not_fit(client, owner, starts, wrong):
    is_problem(ask(client, "post", BASE, {"title": "T", "starts_at": starts} | wrong, owner), 422)
    assert not Event.objects.exists()
    assert not Post.objects.exists()


def test_reminders(client, other, event):
    path = f"{BASE}/{event.pk}/reminder"
    is_problem(ask(client, "put", path), 401)
    first = ask(client, "put", path, {}, other).json()
    again = ask(client, "put", path, {"mail": False}, other).json()
    assert first["due_at"] == again["due_at"]
    assert (first["mail"], again["mail"]) == (True, False)
    assert ask(client, "get", f"{BASE}/{event.pk}", None, other).json()["reminded"] is True
    assert ask(client, "delete", path, None, other).status_code == 204
    assert ask(client, "delete", path, None, other).status_code == 204
    assert not Reminder.objects.exists()


def test_of_a_suspended_host_nothing_is_told(client, owner, other, event):
    moves.move(owner, Act.SUSPEND, by=None, reason="rule 1")
    is_problem(ask(client, "get", f"{BASE}/{event.pk}"), 404)
    assert ask(client, "get", BASE).json()["items"] == []
    is_problem(ask(client, "put", f"{BASE}/{event.pk}/reminder", {}, other), 404)


def test_notifications(client, owner, other):
    for n in range(3):
        last = notices.tell(owner, Kind.REPLY, other, ("post", str(n)))
    listed = ask(client, "get", "/api/v1/notices?limit=2", None, owner).json()
    assert [one["subject"] for one in listed["items"]] == ["2", "1"]
    assert listed["items"][0]["says"] == "bela answered you."
    rest = ask(client, "get", f"/api/v1/notices?cursor={listed['next']}", None, owner).json()
    assert [one["subject"] for one in rest["items"]] == ["0"]
    answer = ask(client, "post", "/api/v1/notices/read", {"up_to": last.pk}, owner)
    assert answer.json() == {"read": 3}
    assert ask(client, "get", "/api/v1/notices", None, other).json()["items"] == []
    is_problem(ask(client, "get", "/api/v1/notices"), 401)
