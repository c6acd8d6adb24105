"""Suspended and reinstated: exactly what goes and what comes back (docs/standing.md)."""

import pytest
from django.test import Client

from samvad.accounts import service as accounts
from samvad.accounts import ties
from samvad.accounts.models import User
from samvad.moderation import service
from samvad.moderation.kinds import Action
from samvad.posts import media, seen
from samvad.posts.models import Medium, Post
from samvad.posts.service import create
from tests.db.conftest import logged_in

pytestmark = pytest.mark.django_db


def suspend(user):
    return service.decide(user, Action.SUSPEND, by=None, reason="Then", rule="other")


def reinstate(user):
    service.decide(user, Action.REINSTATE, by=None, reason="Years later")
    user.refresh_from_db()


def readable(reader):
    return set(seen.readable(reader).values_list("text", flat=True))


def test_posts_go_and_come_back_but_not_those_that_were_hidden(owner, other):
    create(owner, "kept")
    hidden = create(owner, "hidden")
    service.decide(owner, Action.HIDE, by=None, reason="So", rule="spam", post=hidden)
    suspend(owner)
    assert readable(other) == readable(None) == set()
    assert Post.objects.count() == 2  # data is kept
    reinstate(owner)
    assert readable(other) == readable(None) == {"kept"}


def test_followers_who_still_want_it_are_there_and_others_not(owner, other, staff):
    gone = User.objects.create_user("gone")
    for person in (other, staff, gone):
        ties.follow(person, owner)
    suspend(owner)
    ties.unfollow(staff, owner)
    ties.block(gone, owner)
    reinstate(owner)
    assert [u.handle for u in ties.followers_of(owner)] == ["bela"]


def test_a_reinstated_follower_does_not_read_what_was_made_private_meanwhile(owner, other, staff):
    ties.follow(owner, other)
    ties.follow(owner, staff)
    create(other, "before, for followers", visibility="followers")
    create(staff, "for everybody")
    assert readable(owner) == {"before, for followers", "for everybody"}
    suspend(owner)
    create(other, "since, for followers", visibility="followers")
    create(staff, "since, for everybody")
    reinstate(owner)
    assert readable(owner) == {"for everybody", "since, for everybody"}
    assert not ties.follows(owner, other)
    assert ties.follows(owner, staff)
    ties.follow(owner, other)  # openly, so that the other is told
    assert "since, for followers" in readable(owner)


def test_tokens_rest_and_work_again_sessions_end_for_good(owner, client):
    token = {"Authorization": f"Bearer {accounts.issue_token(owner)}"}
    browser = Client()
    browser.force_login(owner, "allauth.account.auth_backends.AuthenticationBackend")
    suspend(owner)
    assert client.get("/api/v1/accounts/me", headers=token).status_code == 403
    reinstate(owner)
    assert client.get("/api/v1/accounts/me", headers=token).status_code == 200
    assert browser.get("/events/").status_code == 302


def test_the_name_stays_taken_whatever_becomes_of_the_account(owner):
    suspend(owner)
    with pytest.raises(accounts.PlainError, match="taken"):
        accounts.create_user("asha")


def test_pictures_are_served_again_and_not_meanwhile(owner, client):
    post = create(owner, "A lamp")
    medium = Medium.objects.create(owner=owner, post=post, kind="photo", files={"jpg": "jpg.jpg"})
    media.folder(medium).mkdir(parents=True)
    (media.folder(medium) / "jpg.jpg").write_bytes(b"a picture")
    address = media.address(medium, "jpg")

    def status() -> int:
        answer = client.get(address)
        answer.close()
        return answer.status_code

    assert status() == 200
    suspend(owner)
    assert status() == 404
    reinstate(owner)
    assert status() == 200


def test_conversations_are_withdrawn_and_announced_again(owner, other, event, client):
    assert event.title in client.get("/").content.decode()
    suspend(owner)
    assert event.title not in client.get("/").content.decode()
    assert logged_in(other).get(f"/events/{event.pk}/reminder").status_code in (302, 404, 410)
    reinstate(owner)
    assert event.title in client.get("/").content.decode()
    event.refresh_from_db()
    assert event.state == "announced"


def test_what_search_finds_goes_and_comes_back(owner, other):
    create(owner, "An unmistakable lamplighter")
    reader = logged_in(other)
    assert "unmistakable" in found(reader)
    suspend(owner)
    assert "unmistakable" not in found(reader)
    reinstate(owner)
    assert "unmistakable" in found(reader)


def found(reader: Client) -> str:
    return str(reader.get("/search?q=lamplighter").content.decode())
