"""Pages of posts, timelines, ties and lists: who sees what, and how many queries it takes."""

import re

import pytest
from django.test import Client

from samvad.accounts import ties
from samvad.accounts.models import PeopleList, User
from samvad.posts import marks, service
from samvad.posts.models import Bookmark, Gone, Like, Post, SearchRow
from samvad.web import found
from tests.db.conftest import logged_in

pytestmark = pytest.mark.django_db

QUERIES_MAX = 12


@pytest.fixture
def readers(owner, other, staff):
    ties.follow(other, owner)
    blocked = User.objects.create_user("deva", "", "x")
    ties.block(owner, blocked)
    return {
        "owner": logged_in(owner),
        "follower": logged_in(other),
        "stranger": logged_in(staff),
        "blocked": logged_in(blocked),
        "anonymous": Client(),
    }


@pytest.mark.parametrize(
    ("visibility", "who"),
    [
        ("public", "owner follower stranger anonymous"),
        ("followers", "owner follower"),
        ("mentioned", "owner"),
    ],
)
def test_who_sees_a_post_and_its_history(owner, readers, visibility, who):
    post = service.create(owner, "a quiet word", visibility=visibility)
    for name, client in readers.items():
        may = name in who.split()
        for path in (post.path, f"{post.path}/history"):
            answer = client.get(path)
            assert answer.status_code == (200 if may else 404), (name, path)
            assert ("a quiet word" in answer.content.decode()) == may
        assert client.get(f"/p/{post.pk}").status_code == (302 if may else 404)
        seen = ("/local", "/@asha", "/search?q=quiet")
        if name != "blocked":  # a blocked person sees the profile, and nothing on it
            for path in seen:
                answer = client.get(path)
                shown = may and (path == "/@asha" or visibility == "public")
                shown |= may and path.startswith("/search") and visibility == "followers"
                assert ("a quiet word" in answer.content.decode()) == shown, (name, path)
        else:
            assert all("a quiet word" not in client.get(p).content.decode() for p in seen)


def test_only_its_author_changes_and_deletes(owner, readers):
    post = service.create(owner, "x")
    for name in ("follower", "stranger", "blocked", "anonymous"):
        for path in ("edit", "delete", "captions"):
            for method in ("get", "post"):
                if (path, method) == ("captions", "get"):
                    continue
                answer = getattr(readers[name], method)(f"{post.path}/{path}", {"text": "y"})
                assert answer.status_code == (302 if name == "anonymous" else 404), (name, path)
        readers[name].post(f"/p/{post.pk}/pin", {"on": "1"})
    post.refresh_from_db()
    assert (post.text, post.gone, post.pinned_at) == ("x", Gone.NO, None)
    mine = readers["owner"]
    assert mine.get(f"{post.path}/edit").status_code == 200
    assert mine.post(f"{post.path}/edit", {"text": "y"}).headers["Location"] == post.path
    assert "y" in mine.get(post.path).content.decode()
    assert "changed" in mine.get(post.path).content.decode()
    mine.post(f"/p/{post.pk}/pin", {"on": "1", "next": "/@asha"})
    assert "Pinned" in readers["anonymous"].get("/@asha").content.decode()
    assert mine.get(f"{post.path}/delete").status_code == 200
    assert mine.post(f"{post.path}/delete").status_code == 302
    assert readers["anonymous"].get(post.path).status_code == 410


@pytest.mark.parametrize("act", ["like", "bookmark", "repost"])
def test_marks_without_scripts_and_with(owner, other, readers, act):
    post = service.create(owner, "x")
    rows = {"like": Like, "bookmark": Bookmark, "repost": Post.objects.filter(repost_of=post)}[act]
    count = lambda: getattr(rows, "objects", rows).all().count()  # noqa: E731
    client = readers["follower"]
    answer = client.post(f"/p/{post.pk}/{act}", {"on": "1", "next": post.path})
    assert answer.headers["Location"] == post.path
    assert count() == 1
    answer = client.post(f"/p/{post.pk}/{act}", {"on": "0"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert 'aria-pressed="false"' in answer.content.decode()
    assert count() == 0
    readers["anonymous"].post(f"/p/{post.pk}/{act}", {"on": "1"})
    assert readers["blocked"].post(f"/p/{post.pk}/{act}", {"on": "1"}).status_code == 404
    assert count() == 0
    elsewhere = client.post(f"/p/{post.pk}/{act}", {"on": "1", "next": "https://evil.example/"})
    assert elsewhere.headers["Location"] == "/home"


def test_writing_answering_and_quoting(owner, readers):
    mine = readers["owner"]
    answer = mine.post("/compose", {"text": "first #one", "visibility": "public"})
    post = Post.objects.get()
    assert answer.headers["Location"] == post.path
    stranger = readers["stranger"]
    page = stranger.get(f"/compose?reply_to={post.pk}").content.decode()
    assert "first" in page
    assert "@asha " in page
    stranger.post("/compose", {"text": "@asha second", "reply_to": post.pk})
    stranger.post("/compose", {"text": "look", "quote_of": post.pk})
    page = readers["anonymous"].get(post.path).content.decode()
    assert "second" in page
    assert Post.objects.get(text="look").quote_of == post
    for body in ({"text": ""}, {"text": "x" * 501}, {"text": "x", "visibility": "all"}):
        answer = mine.post("/compose", body)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode()
    for name in ("reply_to", "quote_of"):
        assert readers["blocked"].post("/compose", {"text": "x", name: post.pk}).status_code == 404
    assert readers["anonymous"].post("/compose", {"text": "x"}).status_code == 302
    assert Post.objects.count() == 3


def test_words_are_shown_as_words(owner, client):
    post = service.create(
        owner,
        '<script>alert(1)</script> "\'> @bela #tag https://example.org/?a=1&b="x javascript:x',
        warning="<b>w</b>",
    )
    page = client.get(post.path).content.decode()
    assert "<script>alert" not in page
    assert "<b>w</b>" not in page
    assert '<a class="mention" href="/@bela">@bela</a>' in page
    assert '<a class="tag" href="/tags/tag">#tag</a>' in page
    assert 'href="https://example.org/?a=1&amp;b=" rel="nofollow noopener noreferrer ugc"' in page
    assert 'href="javascript' not in page
    assert "style=" not in page
    assert not re.search(r"\son[a-z]+=", page)


def test_an_account_that_is_not_shown_shows_no_posts(owner, readers):
    post = service.create(owner, "x")
    User.objects.filter(pk=owner.pk).update(standing="suspended")
    for name in ("follower", "stranger", "anonymous"):
        assert readers[name].get(post.path).status_code == 410
        assert post.path not in readers[name].get("/local").content.decode()
        assert post.path not in readers[name].get("/search?q=x").content.decode()


def test_ties_from_the_profile(owner, other, readers):
    client = readers["stranger"]
    assert "Follow" in client.get("/@asha").content.decode()
    client.post("/@asha/tie/follow", {"on": "1", "next": "/@asha"})
    assert "sami" in readers["owner"].get("/@asha/followers").content.decode()
    assert "asha" in readers["anonymous"].get("/@sami/follows").content.decode()
    part = client.post("/@asha/tie/follow", {"on": "0"}, headers={"HX-Request": "true"})
    assert 'id="ties"' in part.content.decode()
    client.post("/@asha/tie/mute", {"on": "1"})
    client.post("/@asha/tie/block", {"on": "1"})
    assert readers["owner"].get("/@sami/followers").status_code == 404
    assert readers["blocked"].get("/@asha/followers").status_code == 404
    answer = readers["blocked"].post("/@asha/tie/follow", {"on": "1"}, follow=True)
    assert "cannot be followed" in answer.content.decode()
    readers["anonymous"].post("/@bela/tie/follow", {"on": "1"})
    assert not ties.followers_of(other).exists()


def test_lists(owner, other, readers):
    client = readers["follower"]
    client.post("/lists/", {"name": "Friends"})
    made = PeopleList.objects.get()
    at = f"/lists/{made.pk}"
    assert (
        "no account"
        in client.post(f"{at}/people", {"handle": "nobody", "on": "1"}).content.decode()
    )
    client.post(f"{at}/people", {"handle": "@Asha", "on": "1"})
    service.create(owner, "on the list")
    assert "on the list" in client.get(at).content.decode()
    for name in ("owner", "stranger", "blocked"):
        assert readers[name].get(at).status_code == 404
        assert readers[name].post(f"{at}/people", {"handle": "bela"}).status_code == 404
        assert readers[name].post(f"{at}/delete").status_code == 404
    assert readers["anonymous"].get(at).status_code == 302
    assert client.post("/lists/", {"name": ""}).status_code == 422
    client.post(f"{at}/people", {"handle": "asha", "on": "0"})
    assert not made.people.exists()
    client.post(f"{at}/delete")
    assert not PeopleList.objects.exists()


def test_older_posts_come_by_themselves(owner, readers):
    for n in range(25):
        service.create(owner, f"number {n}")
    client = readers["follower"]
    page = client.get("/home").content.decode()
    assert page.count("<article") == 20
    more = re.search(r'href="(\?before=[0-9a-v]+)"', page)[1]
    assert client.get(f"/home{more}").content.decode().count("<article") == 5
    rows = client.get(f"/home{more}", headers={"HX-Request": "true"})
    assert "<html" not in rows.content.decode()
    assert "HX-Request" in rows.headers["Vary"]
    assert client.get("/home?before='%22><x>").status_code == 200


def test_tags_and_search(owner, readers):
    service.create(owner, "the river Sabarmati #નદી")
    service.create(owner, "સાબરમતી નદી અને नर्मदा नदी")
    client = readers["anonymous"]
    assert "Sabarmati" in client.get("/tags/નદી").content.decode()
    assert client.get("/tags/%3Cb%3E").status_code == 404
    for query, hits in [
        ("sabar", 1), ("SABARMATI river", 1), ("સાબરમ", 1), ("नर्मदा", 1), ("river lake", 0),
        ("નદી", 2), ('"', 0), ("x OR river", 0), ("river*", 1), ("NEAR(river)", 0), ("", 0),
    ]:  # fmt: skip
        page = client.get("/search", {"q": query}).content.decode()
        assert page.count("<article") == hits, query
    assert "@asha" in client.get("/search?q=patel&in=people").content.decode()
    assert client.get("/search?q=patel&in=nonsense").status_code == 200


def test_search_finds_conversations_and_changed_words(event, owner, client):
    assert "Rivers and cities" in client.get("/search?q=cities&in=events").content.decode()
    post = service.create(owner, "before")
    service.edit(post, "afterwards")
    assert "<article" not in client.get("/search?q=before").content.decode()
    assert "<article" in client.get("/search?q=after").content.decode()
    service.delete(post)
    assert "<article" not in client.get("/search?q=after").content.decode()


PAGES = ["/home", "/local", "/@asha", "/@asha?tab=replies", "/@asha?tab=media", "/bookmarks",
         "/tags/one", "/search?q=number", "/search?q=asha&in=people", "/lists/", "/lists/{list}",
         "{post}", "{post}/history", "{post}/edit", "{post}/delete", "/compose",
         "/compose?reply_to={id}", "/@asha/followers", "/@asha/follows"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_no_page_takes_many_queries(path, owner, other, event, django_assert_max_num_queries):
    ties.follow(owner, other)
    friends = ties.make_list(owner, "Friends")
    ties.put_on_list(friends, other)
    first = service.create(owner, "number one #one", event=event.pk)
    for n in range(12):
        post = service.create(other, f"number {n} #one", reply_to=first, quote_of=first)
        marks.bookmark(owner, post)
        service.repost(owner, post)
        service.create(other, f"number {n} alone #one https://example.org/{n}")
    service.pin(first)
    client = logged_in(owner)
    path = path.format(list=friends.pk, post=first.path, id=first.pk)
    client.get(path)
    with django_assert_max_num_queries(QUERIES_MAX):
        assert client.get(path).status_code == 200


def test_what_was_there_before_there_was_a_search_is_found_too(owner, other, client, monkeypatch):
    monkeypatch.setattr(found, "A_ROUND", 1)
    monkeypatch.setattr(found, "_filled", {})
    SearchRow.objects.all().delete()
    for _ in range(3):
        found.fill()
    for handle in ("asha", "bela"):
        assert f"/@{handle}" in client.get(f"/search?in=people&q={handle}").content.decode()
    SearchRow.objects.all().delete()
    found.fill()
    assert not SearchRow.objects.exists()  # it is filled once
