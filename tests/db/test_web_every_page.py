"""Every page there is, for every kind of reader: no bug, few queries, nothing for the suspended.

New pages are found by themselves. An argument without a sample is asked for with one that is
nobody's: a sample makes the test say more.
"""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from samvad.accounts import ties
from samvad.accounts.models import User
from samvad.accounts.moves import move
from samvad.accounts.standing import Act
from samvad.moderation import reports, service
from samvad.moderation.kinds import Action
from samvad.notices.models import Notice
from samvad.posts.models import Medium
from samvad.posts.service import create
from samvad.web.keep_to_standing import OPEN
from tests.db.conftest import logged_in
from tests.kit.queries import few_queries

pytestmark = pytest.mark.django_db

FOREIGN = re.compile(r"^(admin|api|static)/")
"""Django's own pages, and the API, which has a test of its own (test_web_api_fuzz.py)."""


def patterns() -> dict[str, URLPattern]:
    found = {}
    for one in get_resolver().url_patterns:
        if isinstance(one, URLPattern) and not FOREIGN.match(str(one.pattern).lstrip("^")):
            found[one.name or str(one.pattern)] = one
    return found


@pytest.fixture
def samples(owner, other, event) -> dict[str, Any]:
    """A value for every argument that an address has."""
    post = create(owner, "A lamp for #surat")
    people_list = ties.make_list(owner, "Neighbours")
    mina = User.objects.create_user("mina", is_moderator=True)
    report = reports.report(other, post, "spam", "")
    decision = service.decide(owner, Action.WARN, by=mina, reason="A word", rule="spam")
    medium = Medium.objects.create(owner=owner, post=post, kind="photo", files={"jpg": "jpg.jpg"})
    return {
        "handle": owner.handle, "post_id": post.pk, "event_id": event.pk, "slug": event.slug,
        "tag": "surat", "list_id": people_list.pk, "notice_id": Notice.objects.first().pk,
        "report_id": report.pk, "decision_id": decision.pk, "kind": "account", "about": "asha",
        "name": medium.name, "number": 1, "code": "x" * 16, "archive_id": 1, "pk": 1,
        "key": "x-y", "uidb36": "1", "act": "follow", "lang": "en", "uid": "1", "token": "x",
        "upload": medium.name, "path": "x", "medium_id": medium.pk, "what": "x", "size": 96,
        "width": 1,
    }  # fmt: skip


@pytest.fixture
def readers(owner, other, samples, staff) -> dict[str, Client]:
    ties.follow(other, owner)
    suspended = User.objects.create_user("suspended")
    move(suspended, Act.SUSPEND, by=None)
    people = {
        "owner": owner,
        "follower": other,
        "stranger": User.objects.create_user("stranger"),
        "moderator": User.objects.get(handle="mina"),
        "staff": staff,
        "suspended": suspended,
    }
    return {"nobody": Client()} | {name: logged_in(user) for name, user in people.items()}


def address(one: URLPattern, samples: dict[str, Any]) -> str:
    """A path that the pattern takes."""
    from django.urls import NoReverseMatch, reverse

    wanted = set(one.pattern.regex.groupindex) if hasattr(one.pattern, "regex") else set()
    wanted |= set(getattr(one.pattern, "converters", {}))
    try:
        return reverse(one.name, kwargs={name: samples.get(name, "x" * 11) for name in wanted})
    except NoReverseMatch:
        # A sample that has not this argument's form: still an address worth asking for.
        return "/" + re.sub(r"[\^$()?\\]", "", str(one.pattern))


def test_every_page_is_answered_to_every_reader(readers, samples):
    wrong = []
    for name, one in sorted(patterns().items()):
        if not one.name or one.name == "healthz":
            continue
        path = address(one, samples)
        for role, reader in readers.items():
            if one.name in ("account_logout", "account_login") and role != "nobody":
                continue  # would end the session, or lead away from it
            try:
                with few_queries():
                    answer = reader.get(path)
                    if hasattr(answer, "streaming_content"):
                        answer.close()
            except AssertionError as error:
                wrong.append(f"{name} for {role}: {str(error)[:600]}")
                continue
            if answer.status_code >= 500 and answer.status_code != 503:  # 503: no gate runs here
                wrong.append(f"{name} for {role}: {answer.status_code}")
            shut = not path.startswith((*OPEN, "/media/"))
            if role == "suspended" and answer.status_code == 200 and shut:
                wrong.append(f"{name} is open to the suspended: {path}")
    assert not wrong, "\n".join(wrong)


HIS_OWN = ("event_edit", "event_cancel", "event_end", "archive", "list")
"""Pages of what somebody owns: nobody else opens them."""


@pytest.mark.parametrize("name", HIS_OWN)
def test_what_is_somebodys_own_is_nobody_elses(readers, samples, name):
    path = address(patterns()[name], samples)
    for role in ("nobody", "follower", "stranger", "moderator", "suspended"):
        for ask in (readers[role].get, readers[role].post):
            assert ask(path).status_code in (302, 403, 404, 405), (role, path)
