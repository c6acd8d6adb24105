"""Posts, timelines and ties by the API: with owner, follower, stranger, blocked, nobody."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from samvad.accounts import ties
from samvad.accounts.models import User
from samvad.accounts.service import issue_token
from samvad.posts import service
from samvad.posts.models import Post
from tests.kit import hostile

pytestmark = pytest.mark.django_db


class Program:
    """Somebody's program, with a token."""

    def __init__(self, user: User | None) -> None:
        self._client = Client()
        self._auth = {"Authorization": f"Bearer {issue_token(user)}"} if user else {}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self._client.generic(
            method,
            "/api/v1" + path,
            json.dumps(body) if body is not None else b"",
            "application/json",
            headers=self._auth | headers,
        )


@pytest.fixture
def people(owner, other, staff):
    ties.follow(other, owner)
    blocked = User.objects.create_user("deva", "", "x")
    ties.block(owner, blocked)
    return {
        "owner": Program(owner),
        "follower": Program(other),
        "stranger": Program(staff),
        "blocked": Program(blocked),
        "nobody": Program(None),
    }


def test_a_post_is_written_and_has_an_address(owner):
    program = Program(owner)
    answer = program("POST", "/posts", {"text": "Hello #Samvad"})
    assert answer.status_code == 201
    told = answer.json()
    assert told["url"].endswith(f"/@asha/{told['id']}")
    assert (told["text"], told["visibility"], told["author"]["handle"]) == (
        "Hello #Samvad", "public", "asha",
    )  # fmt: skip
    assert program("GET", f"/posts/{told['id']}").json() == told
    assert program("GET", "/timelines/tags/samvad").json()["items"] == [told]


def test_a_post_that_is_sent_twice_is_written_once(owner):
    program = Program(owner)
    for _ in range(2):
        answer = program("POST", "/posts", {"text": "once"}, **{"Idempotency-Key": "k"})
        assert answer.status_code == 201
    assert Post.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "x" * 501}, 422),
        ({"text": "x", "visibility": "all"}, 422),
        ({"text": "x", "reply_to": "0000000000000"}, 404),
        ({"text": "x", "reply_to": "../../etc"}, 422),
        ({"text": "x", "media": ["nothing"]}, 422),
        ({"text": "x", "media": ["a"] * 5}, 422),
        ({}, 422),
        ([], 422),
    ],
)
def test_what_does_not_fit_is_refused(owner, body, status):
    answer = Program(owner)("POST", "/posts", body)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Post.objects.exists()


@pytest.mark.parametrize(
    ("visibility", "who"),
    [("public", "owner follower stranger nobody"), ("followers", "owner follower"),
     ("mentioned", "owner")],
)  # fmt: skip
def test_who_may_read_and_mark(owner, people, visibility, who):
    post = service.create(owner, "x", visibility=visibility)
    for name, program in people.items():
        may = name in who.split()
        for path in ("", "/thread", "/history"):
            answer = program("GET", f"/posts/{post.pk}{path}")
            assert answer.status_code == (200 if may else 404), (name, path)
        for act in ("like", "bookmark"):
            for method in ("PUT", "DELETE"):
                answer = program(method, f"/posts/{post.pk}/{act}")
                assert answer.status_code == (401 if name == "nobody" else 200 if may else 404)
        answer = program("PUT", f"/posts/{post.pk}/repost")
        passes = 200 if visibility == "public" else 422
        assert answer.status_code == (401 if name == "nobody" else passes if may else 404)


def test_only_its_author_changes_pins_and_deletes(owner, people):
    post = service.create(owner, "x")
    for name in ("follower", "stranger", "blocked", "nobody"):
        wrong = 401 if name == "nobody" else 404
        program = people[name]
        assert program("PATCH", f"/posts/{post.pk}", {"text": "y"}).status_code == wrong
        assert program("PUT", f"/posts/{post.pk}/pin").status_code == wrong
        assert program("DELETE", f"/posts/{post.pk}").status_code == wrong
    mine = people["owner"]
    assert mine("PATCH", f"/posts/{post.pk}", {"text": "y"}).json()["text"] == "y"
    told = people["stranger"]("GET", f"/posts/{post.pk}/history").json()
    assert [version["text"] for version in told] == ["x", "y"]
    assert mine("PUT", f"/posts/{post.pk}/pin").status_code == 200
    assert mine("DELETE", f"/posts/{post.pk}/pin").status_code == 200
    assert mine("DELETE", f"/posts/{post.pk}").status_code == 204
    for program in people.values():
        assert program("GET", f"/posts/{post.pk}").status_code == 404


def test_timelines_go_on_by_cursor(owner, people):
    for n in range(5):
        service.create(owner, str(n))
    for path in ("/timelines/home", "/timelines/local", "/posts?author=asha"):
        got, cursor = [], ""
        while True:
            more = "&" if "?" in path else "?"
            page = people["follower"]("GET", f"{path}{more}limit=2&cursor={cursor}").json()
            got += [post["id"] for post in page["items"]]
            cursor = page["next"]
            if not cursor:
                break
        assert got == sorted(got, reverse=True)
        assert len(got) == 5
    assert people["nobody"]("GET", "/timelines/home").status_code == 401
    assert people["nobody"]("GET", "/timelines/local").status_code == 200
    for wrong in ("cursor=%00", "cursor=../..", "limit=0", "limit=101"):
        assert people["nobody"]("GET", f"/timelines/local?{wrong}").status_code in (400, 422)


def test_ties_by_the_api(owner, people):
    stranger = people["stranger"]
    assert stranger("PUT", "/ties/asha/follow").json()["following"]
    assert stranger("PUT", "/ties/asha/mute").json()["muting"]
    assert not stranger("DELETE", "/ties/asha/follow").json()["following"]
    assert stranger("PUT", "/ties/asha/block").json()["blocking"]
    assert stranger("PUT", "/ties/asha/follow").status_code == 422
    assert stranger("PUT", "/ties/asha/hug").status_code == 404
    assert stranger("PUT", "/ties/nobody_here/follow").status_code == 404
    assert people["blocked"]("PUT", "/ties/asha/follow").status_code == 422
    assert people["nobody"]("PUT", "/ties/asha/follow").status_code == 401


def test_lists_by_the_api(owner, people):
    mine = people["follower"]
    made = mine("POST", "/ties/lists", {"name": "Friends"})
    assert made.status_code == 201
    at = f"/ties/lists/{made.json()['id']}"
    assert mine("PUT", f"{at}/people/asha").status_code == 204
    assert [p["handle"] for p in mine("GET", f"{at}/people").json()] == ["asha"]
    service.create(owner, "x")
    path = f"/timelines/lists/{made.json()['id']}"
    assert len(mine("GET", path).json()["items"]) == 1
    for name in ("owner", "stranger", "blocked"):
        assert people[name]("GET", path).status_code == 404
        assert people[name]("GET", f"{at}/people").status_code == 404
        assert people[name]("DELETE", at).status_code == 404
    assert mine("DELETE", f"{at}/people/asha").status_code == 204
    assert mine("DELETE", at).status_code == 204
    assert mine("GET", "/ties/lists").json() == []


def test_photos_by_the_api(owner, people):
    client = Client(headers={"Authorization": f"Bearer {issue_token(owner)}"})
    photo = SimpleUploadedFile("p.jpg", hostile.with_place(), "image/jpeg")
    made = client.post("/api/v1/media/photos", {"file": photo, "alt": "A river"})
    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["alt"], told["width"], told["height"]) == ("A river", 600, 800)
    at = f"/media/{told['name']}"
    mine = people["owner"]
    assert mine("PATCH", at, {"focus": [0.2, 1]}).json()["focus"] == [0.2, 1]
    assert mine("PATCH", at, {"focus": [0.2, 2]}).status_code == 422
    for name in ("follower", "stranger", "blocked", "nobody"):
        wrong = 401 if name == "nobody" else 404
        assert people[name]("GET", at).status_code == wrong
        assert people[name]("PATCH", at, {"alt": "x"}).status_code == wrong
        assert people[name]("DELETE", at).status_code == wrong
        answer = people[name]("POST", "/posts", {"text": "x", "media": [told["name"]]})
        assert answer.status_code == (401 if name == "nobody" else 422)
    post = mine("POST", "/posts", {"media": [told["name"]]}).json()
    path = post["media"][0]["files"]["w480"].split("/", 3)[3]
    assert Client().get(f"/{path}").status_code == 200
    assert mine("DELETE", at).status_code == 409
    refused = SimpleUploadedFile("p.jpg", hostile.SVG, "image/jpeg")
    assert client.post("/api/v1/media/photos", {"file": refused}).status_code == 422


def test_search_by_the_api(owner, people, event):
    service.create(owner, "a quiet river", visibility="followers")
    for name, program in people.items():
        hits = program("GET", "/search/posts?q=river").json()["items"]
        assert len(hits) == (1 if name in ("owner", "follower") else 0)
        found = [one["handle"] for one in program("GET", "/search/people?q=patel").json()]
        assert found == ([] if name == "blocked" else ["asha"])
        assert program("GET", "/search/events?q=cities").json()[0]["id"] == event.pk
