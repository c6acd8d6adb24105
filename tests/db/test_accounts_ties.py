"""Follow, mute, block, lists."""

import pytest

from samvad.accounts import ties
from samvad.accounts.ties import Tie, TieError

pytestmark = pytest.mark.django_db


def test_following_is_one_way_and_can_be_repeated(owner, other):
    assert ties.follow(other, owner)
    assert not ties.follow(other, owner)
    assert list(ties.followers_of(owner)) == [other]
    assert list(ties.followed_by(other)) == [owner]
    assert list(ties.followed_by(owner)) == []
    assert ties.tie(other, owner) == Tie(following=True)
    assert ties.tie(owner, other) == Tie(followed_by=True)
    assert ties.unfollow(other, owner)
    assert not ties.unfollow(other, owner)
    assert ties.tie(other, owner) == Tie()


@pytest.mark.parametrize("act", [ties.follow, ties.mute, ties.block])
def test_nobody_is_tied_to_oneself(owner, act):
    with pytest.raises(TieError):
        act(owner, owner)


def test_a_block_ends_both_follows_and_forbids_new_ones(owner, other, staff):
    ties.follow(owner, other)
    ties.follow(other, owner)
    ties.follow(staff, owner)
    friends = ties.make_list(other, "Friends")
    ties.put_on_list(friends, owner)
    assert ties.block(owner, other)
    assert not ties.block(owner, other)
    assert ties.tie(owner, other) == Tie(blocking=True)
    assert ties.tie(other, owner) == Tie(blocked_by=True)
    assert not friends.people.exists()
    for one, two in ((owner, other), (other, owner)):
        with pytest.raises(TieError):
            ties.follow(one, two)
        assert ties.apart_ids(one) == {two.pk}
    with pytest.raises(TieError):
        ties.put_on_list(friends, owner)
    assert list(ties.followers_of(owner)) == [staff]
    assert ties.unblock(owner, other)
    assert ties.tie(owner, other) == Tie()
    assert ties.follow(other, owner)


def test_a_mute_is_known_to_the_muter_only(owner, other):
    assert ties.mute(owner, other)
    assert not ties.mute(owner, other)
    assert ties.tie(owner, other) == Tie(muting=True)
    assert ties.tie(other, owner) == Tie()
    assert ties.muted_ids(owner) == {other.pk}
    assert ties.unmute(owner, other)
    assert ties.muted_ids(owner) == set()


def test_one_cannot_follow_without_end(owner, other, staff, monkeypatch):
    monkeypatch.setattr(ties, "FOLLOWS_MAX", 1)
    ties.follow(owner, other)
    with pytest.raises(TieError, match="as many people"):
        ties.follow(owner, staff)


def test_lists(owner, other, monkeypatch):
    friends = ties.make_list(owner, "  Old   friends ")
    assert friends.name == "Old friends"
    for name in ("", "   ", "x" * 61, "Old friends"):
        with pytest.raises(TieError):
            ties.make_list(owner, name)
    assert ties.make_list(other, "Old friends") != friends
    assert ties.put_on_list(friends, other)
    assert not ties.put_on_list(friends, other)
    assert list(friends.people.all()) == [other]
    assert ties.take_off_list(friends, other)
    assert not ties.take_off_list(friends, other)
    monkeypatch.setattr(ties, "LIST_PEOPLE_MAX", 0)
    with pytest.raises(TieError, match="full"):
        ties.put_on_list(friends, other)
    monkeypatch.setattr(ties, "LISTS_MAX", 1)
    with pytest.raises(TieError, match="as many lists"):
        ties.make_list(owner, "More")
