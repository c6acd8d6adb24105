"""The table of standings."""

import pytest

from samvad.accounts.scopes import ALL, Scope, read, write
from samvad.accounts.standing import TRANSITIONS, VISIBLE, Act, Standing, after, before


def test_the_table_is_whole():
    assert set(TRANSITIONS) == set(Standing)
    reached = {to for ways in TRANSITIONS.values() for to in ways.values()}
    assert reached == set(Standing)


def test_a_suspended_account_comes_back_and_a_deleted_one_never():
    assert after(Standing.SUSPENDED, Act.REINSTATE) is Standing.ACTIVE
    assert after(Standing.SUSPENDED, Act.LAPSE) is Standing.ACTIVE
    assert TRANSITIONS[Standing.DELETED] == {}


def test_asking_for_deletion_is_no_way_out_of_a_suspension():
    assert after(Standing.SUSPENDED, Act.LEAVE) is None
    assert after(Standing.SUSPENDED, Act.STAY) is None
    assert after(Standing.DELETING, Act.SUSPEND) is Standing.SUSPENDED


def test_an_active_account_is_never_erased_at_once():
    assert set(before(Act.ERASE)) == {Standing.DELETING, Standing.SUSPENDED}
    assert {Standing.ACTIVE, Standing.FROZEN} == VISIBLE


def test_scopes_are_words():
    assert read(ALL) == set(Scope)
    assert write([Scope.MEDIA, Scope.READ]) == "read write:media"
    with pytest.raises(ValueError, match="everything"):
        read("read everything")
