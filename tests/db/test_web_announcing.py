"""A new conversation and the post that carries its card: one post, one address, all its life."""

import datetime as dt
import json

import pytest
from django.utils import timezone

from samvad.accounts import moves
from samvad.accounts.standing import Act
from samvad.events.lifecycle import Happening
from samvad.events.models import Event
from samvad.events.moves import move
from samvad.posts import service as posts
from samvad.posts.models import Post
from tests.db.conftest import logged_in
from tests.db.test_events_pages import GOOD

pytestmark = pytest.mark.django_db


@pytest.fixture
def announced(owner):
    """(event, post) as the form makes them."""
    answer = logged_in(owner).post("/events/new", GOOD | {"post": "on", "post_text": "Come along!"})
    assert answer.status_code == 302
    return Event.objects.get(), Post.objects.get()


def test_the_form_offers_the_post_and_makes_both(owner, announced):
    page = logged_in(owner).get("/events/new").content.decode()
    assert 'name="post"' in page
    assert "checked" in page.split('name="post"')[1].split(">")[0]
    event, post = announced
    assert (post.event, post.text, post.author) == (event.pk, "Come along!", owner)


def test_without_the_mark_nothing_is_posted(as_owner):
    as_owner.post("/events/new", GOOD)
    assert Event.objects.exists()
    assert not Post.objects.exists()


def test_what_does_not_fit_makes_neither(as_owner):
    answer = as_owner.post("/events/new", GOOD | {"post": "on", "post_text": "x" * 501})
    assert answer.status_code == 422
    assert "longer than the 500 letters" in answer.content.decode()
    assert not Event.objects.exists()


def test_an_edit_posts_nothing(as_owner, event):
    assert 'name="post"' not in as_owner.get(f"/events/{event.pk}/edit").content.decode()


def test_one_post_through_the_life_of_its_event(client, announced):
    event, post = announced
    path = post.path

    def page():
        return client.get(path).content.decode()

    assert "Night train" in page()
    assert "Announced" in page()
    assert f"/previews/{event.pk}-" in page().split("og:image")[1]
    move(event.pk, Happening.WENT_LIVE, live_since=timezone.now())
    assert "On air" in page()
    Event.objects.filter(pk=event.pk).update(replay_ms=60_000)
    move(event.pk, Happening.ENDED, ended_at=timezone.now() + dt.timedelta(minutes=1))
    assert "Hear it again" in page()
    assert "Night train" in client.get("/local").content.decode()


def test_a_card_of_another_who_is_suspended_says_only_that(client, announced, owner, other):
    event, _post = announced
    theirs = posts.create(other, "Listen to this", event=event.pk)
    moves.move(owner, Act.SUSPEND, by=None, reason="rule 1")
    page = client.get(theirs.path).content.decode()
    assert "Listen to this" in page
    assert "withdrawn" in page
    assert "Night train" not in page


def test_what_other_sites_show_of_a_post(client, announced, owner):
    _event, post = announced
    url = f"http://127.0.0.1:8000{post.path}"
    page = client.get(post.path).content.decode()
    assert f'property="og:url" content="{url}"' in page
    assert "Come along!" in page.split("og:description")[1].split(">")[0]
    said = json.loads(client.get("/oembed", {"url": url}).content)
    assert said["author_name"] == "Asha Patel"
    assert said["title"] == "Come along!"
    hidden = posts.create(owner, "For you alone", visibility="followers")
    assert client.get("/oembed", {"url": f"http://127.0.0.1:8000{hidden.path}"}).status_code == 404
    page = logged_in(owner).get(hidden.path).content.decode()
    assert "og:" not in page
