"""The API's root: tokens, scopes, limits, pages, keys for repeating, and one form of errors."""

import json

import pytest
from django.http import Http404, HttpRequest
from ninja import NinjaAPI, Status

from samvad.accounts import service
from samvad.accounts.models import ApiAnswer, ApiToken, User
from samvad.accounts.scopes import Scope
from samvad.base.errors import PlainError
from samvad.base.params import replace
from samvad.web.api import cursor
from samvad.web.api.front import Front
from samvad.web.api.keys import anybody, key, who
from samvad.web.api.problems import Refused, answer_errors

pytestmark = pytest.mark.django_db

ME = "/api/v1/accounts/me"


def bearer(user: User, *scopes: Scope) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {service.issue_token(user, scopes=' '.join(scopes or Scope))}"
    }


def is_problem(answer, status: int) -> dict:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = json.loads(answer.content)
    assert told["status"] == status
    assert told["title"]
    return told


def test_a_token_says_who_one_is(client, owner):
    answer = client.get(ME, headers=bearer(owner))
    assert answer.status_code == 200
    assert answer.json()["handle"] == "asha"
    assert answer.json()["email"] == "asha@example.org"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Bearer  ", "Basic YTpi", "Bearer " + "x" * 300, "\x7f"]
)
def test_without_a_token_of_ours_nobody_is_anybody(client, owner, header):
    answer = client.get(ME, headers={"Authorization": header} if header else {})
    is_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_log_in_of_a_browser_is_no_token(as_owner):
    is_problem(as_owner.get(ME), 401)


def test_a_token_does_only_what_it_is_allowed(client, owner):
    assert "read" in is_problem(client.get(ME, headers=bearer(owner, Scope.POSTS)), 403)["detail"]


@pytest.mark.parametrize("standing", ["suspended", "deleting", "deleted"])
def test_a_token_of_a_suspended_account_is_refused(client, owner, standing):
    User.objects.filter(pk=owner.pk).update(standing=standing)
    assert is_problem(client.get(ME, headers=bearer(owner)), 403)["type"] == "suspended"


def test_a_frozen_account_reads_on(client, owner):
    User.objects.filter(pk=owner.pk).update(standing="frozen")
    assert client.get(ME, headers=bearer(owner)).status_code == 200


def test_others_see_an_account_but_neither_its_mail_nor_a_suspended_one(client, owner):
    assert "email" not in client.get("/api/v1/accounts/asha").json()
    User.objects.filter(pk=owner.pk).update(standing="suspended")
    is_problem(client.get("/api/v1/accounts/asha"), 404)


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing", "/api/v1/accounts/me/x"])
def test_what_is_not_there_is_a_problem_too(client, path):
    is_problem(client.get(path), 404)


def test_a_method_that_is_not_there(client):
    answer = client.post("/api/v1/accounts/asha")
    is_problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_limits_are_told_and_kept(client, owner, settings):
    settings.SAMVAD = replace(settings.SAMVAD, api=replace(settings.SAMVAD.api, requests=10))
    mine, other = bearer(owner), bearer(owner)
    left = []
    for _ in range(10):
        answer = client.get(ME, headers=mine)
        assert answer.status_code == 200
        left.append(int(answer.headers["RateLimit-Remaining"]))
    # A window may end in the middle of this; it counts down all the same.
    assert left[0] == 9
    assert answer.headers["RateLimit-Policy"] == '"default";q=10;w=300'
    assert answer.headers["RateLimit"].startswith('"default";r=')
    if left[-1] == 0:
        refused = client.get(ME, headers=mine)
        is_problem(refused, 429)
        assert int(refused.headers["Retry-After"]) <= 300
    assert client.get(ME, headers=other).status_code == 200


def test_the_document_describes_it(client):
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    answers = document["paths"]["/api/v1/accounts/me"]["get"]["responses"]
    assert set(answers) >= {"200", "401", "403", "429"}


class Rooms:
    """An API of one room behind the real front, to try what all rooms share."""

    def __init__(self) -> None:
        self.done = 0
        self.fails = False
        self.api = NinjaAPI(urls_namespace=f"try{id(self)}", docs_url=None)
        answer_errors(self.api)

        @self.api.post("/do", auth=key(Scope.POSTS), response={201: dict})
        def do(request: HttpRequest):
            self.done += 1
            if self.fails:
                raise RuntimeError("a bug")
            return Status(201, {"n": self.done, "by": who(request).handle})

        @self.api.get("/err/{kind}", auth=anybody)
        def err(request: HttpRequest, kind: str):
            raise {
                "plain": PlainError("It is so.", "Mend it."),
                "gone": Refused(410, "It was deleted."),
                "missing": Http404(),
                "bug": KeyError("x"),
            }[kind]

    def post(self, rf, headers, body="{}"):
        request = rf.post("/api/v1/do", body, "application/json", headers=headers)
        return Front(self._answer)(request)

    def get(self, rf, path):
        return Front(self._answer)(rf.get(f"/api/v1{path}"))

    def _answer(self, request):
        for pattern in self.api.urls[0]:
            found = pattern.resolve(request.path.removeprefix("/api/v1/"))
            if found:
                return found.func(request, *found.args, **found.kwargs)
        raise AssertionError(request.path)


def test_a_post_with_a_key_is_done_once(rf, owner, other):
    rooms, mine = Rooms(), bearer(owner)
    keyed = mine | {"Idempotency-Key": "lamp-1"}
    first, again = rooms.post(rf, keyed), rooms.post(rf, keyed)
    assert (first.status_code, again.status_code, rooms.done) == (201, 201, 1)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    is_problem(rooms.post(rf, keyed, '{"other": 1}'), 422)
    assert rooms.post(rf, mine | {"Idempotency-Key": "lamp-2"}).status_code == 201
    theirs = rooms.post(rf, bearer(other) | {"Idempotency-Key": "lamp-1"})
    assert json.loads(theirs.content)["by"] == "bela"
    is_problem(rooms.post(rf, mine | {"Idempotency-Key": "x" * 201}), 400)


def test_a_key_in_use_waits_and_a_failure_is_not_kept(rf, owner):
    rooms, keyed = Rooms(), bearer(owner) | {"Idempotency-Key": "lamp"}
    rooms.fails = True
    is_problem(rooms.post(rf, keyed), 500)
    rooms.fails = False
    assert rooms.post(rf, keyed).status_code == 201
    ApiAnswer.objects.update(status=0)
    is_problem(rooms.post(rf, keyed), 409)


def test_a_suspended_account_gets_no_old_answer(rf, owner):
    rooms, keyed = Rooms(), bearer(owner) | {"Idempotency-Key": "lamp"}
    assert rooms.post(rf, keyed).status_code == 201
    User.objects.filter(pk=owner.pk).update(standing="suspended")
    is_problem(rooms.post(rf, keyed), 403)


@pytest.mark.parametrize(
    ("kind", "status"), [("plain", 422), ("gone", 410), ("missing", 404), ("bug", 500)]
)
def test_errors_have_one_form(rf, db, kind, status):
    told = is_problem(Rooms().get(rf, f"/err/{kind}"), status)
    assert (told["detail"] == "It is so. Mend it.") == (kind == "plain")


def pages(limit: int, by: tuple[str, ...]) -> list[str]:
    found, after = [], ""
    while True:
        page = cursor.page(User.objects.all(), after, limit, lambda u: u.handle, by)
        found += page["items"]
        if page["next"] is None:
            return found
        after = page["next"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("by", [("-pk",), ("handle",), ("display_name", "-joined_at", "pk")])
def test_pages_hold_every_row_once_in_order(db, limit, by):
    for n in range(7):
        User.objects.create_user(f"u{n}", display_name="AB"[n % 2])
    assert pages(limit, by) == [u.handle for u in User.objects.order_by(*by)]


@pytest.mark.parametrize(
    "wrong", ["x", "????", "W10", "WyJ4Il0", "WzEsMl0", "bnVsbA", "WzFlOTldX", "é", "W" * 400,
              "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDBd"],
)  # fmt: skip
def test_a_cursor_of_nowhere_is_refused(db, wrong):
    with pytest.raises(Refused) as refused:
        cursor.page(User.objects.all(), wrong, 2, str)
    assert refused.value.status == 400
