"""What becomes of a person's conversations when they are suspended, and when they are back."""

import datetime as dt

import pytest
from django.conf import settings

from samvad.accounts import moves
from samvad.accounts.standing import Act
from samvad.base.clock import SystemClock
from samvad.events import plans, service
from samvad.events.errors import EventError
from samvad.events.lifecycle import Happening, State
from samvad.events.models import Event
from samvad.events.moves import move
from samvad.gate.state import Situation, situation_of
from samvad.protocol.plan import PlanFolder
from samvad.stage.session import Session

pytestmark = pytest.mark.django_db(transaction=True)


def plan(event):
    return PlanFolder(settings.FOLDERS.plans).read(event.pk)


def suspend(user):
    assert moves.move(user, Act.SUSPEND, by=None, reason="rule 1")


def back(user):
    assert moves.move(user, Act.REINSTATE, by=None)


def test_scheduled_ones_are_withheld_and_come_back_as_they_were(owner, event):
    suspend(owner)
    assert plan(event).withheld
    assert not plan(event).cancelled
    wall_ms = SystemClock().wall_ms()
    assert situation_of(plan(event), None, wall_ms) is Situation.CANCELLED
    back(owner)
    event.refresh_from_db()
    assert event.life is State.ANNOUNCED
    assert not plan(event).withheld
    assert situation_of(plan(event), None, wall_ms) is Situation.ANNOUNCED


def test_one_on_air_ends_at_once_at_the_stage(owner):
    event = service.create_event(owner, "T")
    session = Session(plan(event))
    host = event.speakers.get()
    assert session.heard(host.pk, 1) is None
    move(event.pk, Happening.WENT_LIVE, live_since=dt.datetime.now(dt.UTC))
    suspend(owner)
    session.replan(plan(event), 2)
    assert session.phase.value == "ended"


def test_nobody_goes_in_at_the_stage_meanwhile_and_then_again(owner):
    event = service.create_event(owner, "T")
    session = Session(plan(event))
    host = event.speakers.get()
    who = session.who(plan(event).speakers[0].token_hash)
    suspend(owner)
    session.replan(plan(event), 1)
    assert session.may_join(who).code == "cancelled"
    assert session.heard(host.pk, 2).code == "cancelled"
    back(owner)
    session.replan(plan(event), 3)
    assert session.may_join(who) is None


def test_what_should_have_begun_meanwhile_did_not_take_place(owner, event, soon):
    later = service.create_event(owner, "Later", starts=soon + dt.timedelta(days=30))
    suspend(owner)
    Event.objects.filter(pk=event.pk).update(
        starts_at=dt.datetime.now(dt.UTC) - dt.timedelta(days=400)
    )
    back(owner)
    event.refresh_from_db()
    later.refresh_from_db()
    assert event.life is State.CANCELLED
    assert later.life is State.ANNOUNCED


def test_recordings_are_not_given_out_meanwhile(owner):
    event = service.create_event(owner, "T")
    move(event.pk, Happening.ENDED, ended_at=dt.datetime.now(dt.UTC))
    suspend(owner)
    assert plans.write_pending() == 1
    assert plan(event).withheld
    back(owner)
    plans.write_pending()
    assert not plan(event).withheld
    assert plan(event).ended


def test_a_frozen_account_keeps_what_is_announced_and_announces_nothing(owner, event):
    moves.move(owner, Act.FREEZE, by=None, reason="rule 2")
    assert not plan(event).withheld
    with pytest.raises(EventError):
        service.create_event(owner, "T")


def test_an_account_that_is_left_withholds_too(owner, event):
    moves.move(owner, Act.LEAVE, by=owner)
    assert plan(event).withheld
    moves.move(owner, Act.STAY, by=owner)
    assert not plan(event).withheld
