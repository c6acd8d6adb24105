"""Posts: written, answered, passed on, marked, changed, taken back; and who may read them."""

import pytest

from samvad.accounts import ties
from samvad.accounts.models import User
from samvad.posts import marks, seen, service, timelines
from samvad.posts.cards import cards
from samvad.posts.errors import PostError
from samvad.posts.models import Gone, Like, LinkPreview, Mention, Post, PostTag

pytestmark = pytest.mark.django_db


@pytest.fixture
def third(db):
    return User.objects.create_user("champa", "", "x")


def said(ids):
    texts = dict(Post.objects.values_list("pk", "text"))
    return [texts[pk] for pk in ids]


def test_a_post_has_an_id_that_sorts_as_time_does(owner):
    posts = [service.create(owner, str(n)) for n in range(3)]
    assert [len(p.pk) for p in posts] == [13] * 3
    assert posts[0].path == f"/@asha/{posts[0].pk}"
    assert said(timelines.local(None).ids) == ["2", "1", "0"] or len({p.pk[:9] for p in posts}) < 3


@pytest.mark.parametrize(
    ("text", "more", "code"),
    [
        ("", {}, "empty"),
        (" \n\x00 ", {}, "empty"),
        ("x" * 501, {}, "too_long"),
        ("x", {"warning": "w" * 121}, "too_long"),
        ("x", {"visibility": "everybody"}, "invalid"),
    ],
)
def test_what_does_not_fit_is_refused(owner, text, more, code):
    with pytest.raises(PostError) as refused:
        service.create(owner, text, **more)
    assert refused.value.code == code
    assert not Post.objects.exists()


def test_an_account_that_is_not_active_cannot_post(owner):
    owner.is_active = False
    with pytest.raises(PostError):
        service.create(owner, "x")


def test_five_hundred_letters_and_an_event_without_text_fit(owner):
    service.create(owner, "x" * 500)
    service.create(owner, "", event="abc")


@pytest.mark.parametrize(
    ("visibility", "who"),
    [
        ("public", "owner follower named stranger anonymous"),
        ("followers", "owner follower named"),
        ("mentioned", "owner named"),
    ],
)
def test_who_may_read(owner, other, third, staff, visibility, who):  # noqa: PLR0917
    ties.follow(other, owner)
    blocked = User.objects.create_user("deva", "", "x")
    ties.block(owner, blocked)
    blocks = User.objects.create_user("esha", "", "x")
    ties.block(blocks, owner)
    post = service.create(owner, "hello @champa @deva @esha", visibility=visibility)
    readers = {"owner": owner, "follower": other, "named": third, "stranger": staff,
               "blocked": blocked, "blocks": blocks, "anonymous": None}  # fmt: skip
    can = {name for name, reader in readers.items() if seen.can_read(post, reader)}
    assert can == set(who.split())
    for reader in readers.values():
        with_it = seen.can_read(post, reader)
        assert (post.pk in timelines.profile(owner, reader).ids) == with_it
        if reader and reader != owner and not with_it:
            for act in (marks.like, marks.bookmark, service.repost):
                with pytest.raises(PostError):
                    act(reader, post)
            for more in ({"reply_to": post}, {"quote_of": post}):
                with pytest.raises(PostError):
                    service.create(reader, "x", **more)


def test_nobody_reads_what_is_gone_or_of_an_account_that_is_not_served(owner, other, third):
    deleted, hidden, kept = (service.create(owner, t) for t in ("a", "b", "c"))
    passed, _new = service.repost(other, kept)
    service.delete(deleted)
    assert service.hide(hidden)
    assert not service.hide(hidden)
    for reader in (owner, other, None):
        assert seen.readable(reader).filter(pk__in=[deleted.pk, hidden.pk]).count() == 0
        assert seen.can_read(passed, reader)
    assert service.show_again(hidden)
    assert seen.can_read(hidden, None)
    assert not service.show_again(deleted)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    for reader in (owner, other, third, None):
        assert not seen.readable(reader).exists()


def test_a_thread_keeps_its_order_and_its_counts(owner, other):
    first = service.create(owner, "first")
    answer = service.create(other, "answer", reply_to=first)
    deeper = service.create(owner, "deeper", reply_to=answer)
    service.create(owner, "elsewhere")
    assert said(timelines.above(deeper, None)) == ["first", "answer"]
    assert said(timelines.below(first, None).ids) == ["answer", "deeper"]
    assert said(timelines.below(answer, None).ids) == ["deeper"]
    part = timelines.below(first, None, limit=1)
    assert said(part.ids) == ["answer"]
    assert said(timelines.below(first, None, after=part.next).ids) == ["deeper"]
    first.refresh_from_db()
    assert first.reply_count == 1
    service.delete(answer)
    first.refresh_from_db()
    assert first.reply_count == 0
    assert timelines.above(deeper, None) == []  # the stub is shown by the page, not as a post


def test_a_reply_is_not_read_by_more_than_what_it_answers(owner, other):
    ties.follow(other, owner)
    ties.follow(owner, other)
    post = service.create(owner, "x", visibility="followers")
    assert service.create(other, "y", reply_to=post).visibility == "followers"
    secret = service.create(owner, "@bela x", visibility="mentioned")
    answer = service.create(other, "y", reply_to=secret)
    assert answer.visibility == "mentioned"
    assert seen.can_read(answer, owner)


def test_reposts_are_one_a_person_and_can_be_taken_back(owner, other):
    post = service.create(owner, "x")
    passed, new = service.repost(other, post)
    assert new
    again, new = service.repost(other, passed)  # a repost of a repost is of the original
    assert (again, new) == (passed, False)
    post.refresh_from_db()
    assert post.reposts == 1
    (card,) = cards([passed.pk], other)
    assert (card.post, card.by, card.reposted) == (post, other, True)
    assert service.unrepost(other, post)
    assert not service.unrepost(other, post)
    post.refresh_from_db()
    assert post.reposts == 0
    for visibility in ("followers", "mentioned"):
        with pytest.raises(PostError):
            service.repost(owner, service.create(owner, "y", visibility=visibility))


def test_a_quote_shows_only_what_the_reader_may_read(owner, other, third):
    post = service.create(owner, "original")
    quote = service.create(other, "see", quote_of=post)
    post.refresh_from_db()
    assert post.quotes == 1
    assert cards([quote.pk], third)[0].quote.post == post
    ties.block(owner, third)
    (card,) = cards([quote.pk], third)
    assert card.quote is None
    assert card.quote_gone
    service.delete(post)
    assert cards([quote.pk], None)[0].quote_gone


def test_likes_and_bookmarks(owner, other):
    post = service.create(owner, "x")
    assert marks.like(other, post)
    assert not marks.like(other, post)
    assert marks.bookmark(other, post)
    assert not marks.bookmark(other, post)
    post.refresh_from_db()
    assert post.likes == 1
    (card,) = cards([post.pk], other)
    assert (card.liked, card.bookmarked, card.reposted, card.mine) == (True, True, False, False)
    (card,) = cards([post.pk], owner)
    assert (card.liked, card.bookmarked, card.mine) == (False, False, True)
    assert timelines.bookmarks(other).ids == [post.pk]
    assert marks.unlike(other, post)
    assert not marks.unlike(other, post)
    assert marks.unbookmark(other, post)
    post.refresh_from_db()
    assert post.likes == 0


def test_an_edit_keeps_what_was_said_and_names_anew(owner, other, third):
    post = service.create(owner, "hello @bela #one")
    same = service.edit(post, "hello @bela #one")
    assert same.edited_at is None
    service.edit(post, "hello @champa #two", warning="rivers")
    assert [r.text for r in post.revisions.all()] == ["hello @bela #one"]
    assert list(post.tags.values_list("tag", flat=True)) == ["two"]
    assert set(post.mentions.values_list("person__handle", flat=True)) == {"bela", "champa"}
    assert post.edited_at is not None
    for wrong in ("", "x" * 501):
        with pytest.raises(PostError):
            service.edit(post, wrong)
    service.delete(post)
    with pytest.raises(PostError):
        service.edit(post, "again")


def test_what_is_deleted_leaves_no_words_behind(owner, other):
    post = service.create(owner, "secret @bela #one https://example.org", warning="w")
    service.edit(post, "other")
    marks.like(other, post)
    service.repost(other, post)
    service.delete(post)
    service.delete(post)
    post = Post.objects.get(pk=post.pk)
    assert (post.text, post.warning, post.gone, post.preview) == ("", "", Gone.DELETED, None)
    assert not post.revisions.exists()
    for rows in (Like, Mention, PostTag, Post.objects.filter(repost_of=post)):
        assert not getattr(rows, "objects", rows).all().exists()


def test_pins(owner, other):
    posts = [service.create(owner, str(n)) for n in range(6)]
    for post in posts[:5]:
        service.pin(post)
    service.pin(posts[0])
    with pytest.raises(PostError):
        service.pin(posts[5])
    service.unpin(posts[0])
    service.pin(posts[5])
    assert len(timelines.pinned(owner, None)) == 5
    passed, _new = service.repost(other, posts[0])
    with pytest.raises(PostError):
        service.pin(passed)


def test_home_is_of_those_one_follows(owner, other, third, staff):
    ties.follow(owner, other)
    service.create(other, "followed")
    service.create(third, "stranger")
    mine = service.create(owner, "mine")
    strangers = service.create(third, "to answer")
    service.create(other, "to a stranger", reply_to=strangers)
    service.create(other, "to me", reply_to=mine)
    service.create(other, "followers", visibility="followers")
    service.create(other, "somebody else's @champa", visibility="mentioned")
    service.repost(other, strangers)
    assert set(said(timelines.home(owner).ids)) == {"followed", "mine", "to me", "followers", ""}
    ties.mute(owner, third)
    assert set(said(timelines.home(owner).ids)) == {"followed", "mine", "to me", "followers"}
    ties.mute(owner, other)
    assert set(said(timelines.home(owner).ids)) == {"mine"}


def test_a_timeline_goes_on_where_the_page_before_ended(owner):
    made = [service.create(owner, str(n)).pk for n in range(7)]
    got, before = [], ""
    for _page in range(4):
        page = timelines.home(owner, before, limit=2)
        got += page.ids
        before = page.next
    assert before == ""
    assert got == sorted(made, reverse=True)


def test_hashtags_lists_and_tabs(owner, other, third):
    service.create(owner, "#Rivers one")
    service.create(other, "#rivers two", visibility="followers")
    service.create(other, "three #rivers")
    assert set(said(timelines.tagged("rivers", None).ids)) == {"#Rivers one", "three #rivers"}
    friends = ties.make_list(third, "Friends")
    ties.put_on_list(friends, other)
    assert said(timelines.of_list(friends, third).ids) == ["three #rivers"]
    reply = service.create(other, "a reply", reply_to=Post.objects.get(text="#Rivers one"))
    assert reply.pk not in timelines.profile(other, None).ids
    assert reply.pk in timelines.profile(other, None, "replies").ids
    assert timelines.profile(other, None, "media").ids == []


def test_one_preview_for_one_address(owner, other, settings):
    one = service.create(owner, "see https://example.org/a#part")
    two = service.create(other, "and https://example.org/a")
    assert one.preview == two.preview
    assert LinkPreview.objects.get().url == "https://example.org/a"
    assert service.create(owner, f"{settings.SAMVAD.web_url()}/@bela").preview is None


def test_cards_take_the_same_queries_however_many(owner, other, django_assert_max_num_queries):
    ids = [service.create(other, f"{n}", quote_of=service.create(owner, "q")).pk for n in range(20)]
    with django_assert_max_num_queries(5):
        assert len(cards(ids, owner)) == 20
