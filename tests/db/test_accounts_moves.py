"""Changing a standing: signal, sessions, audit, visibility."""

import datetime as dt

import pytest
from django.utils import timezone

from samvad.accounts import audit
from samvad.accounts.models import AuditRow, User
from samvad.accounts.moves import move
from samvad.accounts.signals import standing_changed
from samvad.accounts.standing import Act, Standing
from tests.db.conftest import logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    """What receivers of the signal were told."""
    heard = []

    def hear(sender, user, old, new, at, **more):
        heard.append((user.handle, old, new))

    standing_changed.connect(hear)
    yield heard
    standing_changed.disconnect(hear)


def test_a_suspension_is_one_move_with_all_that_belongs_to_it(owner, staff, told):
    client = logged_in(owner)
    assert client.get("/events/").status_code == 200
    until = timezone.now() + dt.timedelta(days=7)
    assert move(owner, Act.SUSPEND, by=staff, reason="Spam", until=until)
    assert owner.stands is Standing.SUSPENDED
    assert owner.standing_until == until
    assert not owner.is_visible
    assert not owner.moderates
    assert owner not in User.objects.visible()
    assert told == [("asha", Standing.ACTIVE, Standing.SUSPENDED)]
    row = AuditRow.objects.get()
    assert (row.actor, row.action, row.subject) == ("sami", "account.suspend", "@asha")
    assert row.reason == "Spam"
    assert client.get("/events/").status_code == 302  # logged out
    assert isinstance(audit.verify(), audit.Whole)


def test_what_the_table_does_not_have_changes_nothing(owner, told):
    assert not move(owner, Act.REINSTATE, by=None)
    assert not move(owner, Act.ERASE, by=None)
    assert (told, AuditRow.objects.count()) == ([], 0)


def test_only_one_of_two_wins(owner, told):
    stale = User.objects.get(pk=owner.pk)
    assert move(owner, Act.SUSPEND, by=None)
    assert not move(stale, Act.SUSPEND, by=None)
    assert move(stale, Act.REINSTATE, by=None)
    assert [new for _, _, new in told] == [Standing.SUSPENDED, Standing.ACTIVE]


def test_a_receiver_that_fails_undoes_it(owner):
    def fail(sender, **more):
        raise RuntimeError("no")

    standing_changed.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            move(owner, Act.SUSPEND, by=None)
    finally:
        standing_changed.disconnect(fail)
    assert User.objects.get(pk=owner.pk).stands is Standing.ACTIVE
    assert not AuditRow.objects.exists()


def test_a_frozen_account_stays_visible_and_logged_in(owner, told):
    client = logged_in(owner)
    assert move(owner, Act.FREEZE, by=None, reason="A look at it")
    assert owner.is_visible
    assert not owner.may_act
    assert client.get("/events/").status_code == 200


def test_a_new_epoch_ends_sessions_and_a_changed_password_still_does(owner):
    client = logged_in(owner)
    User.objects.filter(pk=owner.pk).update(session_epoch=1)
    assert client.get("/events/").status_code == 302
    owner.refresh_from_db()
    client = logged_in(owner)
    owner.set_password("another-lamp-8")
    owner.save()
    assert client.get("/events/").status_code == 302
