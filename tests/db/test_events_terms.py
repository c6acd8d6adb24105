"""What a host settles beforehand reaches the plan; what does not fit is said at its field."""

import datetime as dt

import pytest
from django.conf import settings

from samvad.events import plans, service
from samvad.events.errors import EventError
from samvad.events.models import Event
from samvad.events.terms import Terms, terms_of
from samvad.protocol.ladder import PRESETS
from samvad.protocol.plan import PlanFolder
from samvad.protocol.secret import passphrase_hash
from tests.db.test_events_pages import GOOD

pytestmark = pytest.mark.django_db(transaction=True)

OWN = [
    {"effect": "plain", "over": {"cpu": 0.5}, "under": {"cpu": 0.3}, "says": {"gu": "ધીરજ રાખો."}},
    {"effect": "later"},
]


def plan(event):
    found = PlanFolder(settings.FOLDERS.plans).read(event.pk)
    assert found is not None
    return found


def test_the_usual_terms(owner):
    made = plan(service.create_event(owner, "Usual"))
    assert (made.door.way, made.door.joins_per_s, made.door.passphrase_hash) == ("shuffled", 0, "")
    assert made.ladder == PRESETS["standard"]
    assert (made.floor, made.promise_min) == (0, 10)


def test_all_terms_reach_the_plan(owner):
    terms = Terms(
        way="invite",
        passphrase="  Monsoon  RAIN ",
        joins_per_s=250,
        ladder="strict",
        floor=40,
        promise_min=25,
    )
    event = service.create_event(owner, "Settled", seats=50, terms=terms)
    made = plan(event)
    assert made.door.way == "invite"
    assert made.door.joins_per_s == 250
    assert made.door.passphrase_hash == passphrase_hash(
        settings.SITE_SECRET, event.pk, "monsoon rain"
    )
    assert made.ladder == PRESETS["strict"]
    assert (made.floor, made.promise_min) == (40, 25)
    assert "monsoon" not in str(service.show(event.pk)).lower()
    assert service.show(event.pk)["door"]["passphrase"] is True


def test_a_ladder_of_ones_own_goes_before_the_preset(owner):
    event = service.create_event(owner, "Own", terms=Terms(own_ladder=OWN))
    assert [rung.effect for rung in plan(event).ladder] == ["plain", "later"]
    assert plan(event).ladder[0].says == {"gu": "ધીરજ રાખો."}
    Event.objects.filter(pk=event.pk).update(own_ladder=[{"effect": "unheard-of"}], revision=9)
    assert plans.write(event.pk)
    assert plan(event).ladder == PRESETS["standard"]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (Terms(way="sideways"), "way"),
        (Terms(ladder="rope"), "ladder"),
        (Terms(own_ladder=[{"effect": "later"}, {"effect": "plain"}]), "ladder"),
        (Terms(own_ladder={"effect": "later"}), "ladder"),
        (Terms(joins_per_s=-1), "joins_per_s"),
        (Terms(joins_per_s=2_000_000), "joins_per_s"),
        (Terms(floor=101), "floor"),
        (Terms(promise_min=0), "promise_min"),
        (Terms(promise_min=10_081), "promise_min"),
        (Terms(way="invite", passphrase="abc"), "passphrase"),
        (Terms(way="invite", passphrase="x" * 201), "passphrase"),
    ],
)
def test_what_does_not_fit_names_its_field(owner, terms, field):
    with pytest.raises(EventError) as refused:
        service.create_event(owner, "T", seats=100, terms=terms)
    assert refused.value.field == field
    assert not Event.objects.exists()


def test_an_edit_without_terms_keeps_them(owner, soon):
    terms = Terms(way="invite", passphrase="open sesame", ladder="gentle", floor=3)
    event = service.create_event(owner, "Kept", starts=soon, seats=10, terms=terms)
    before = plan(event)
    service.edit_event(
        event, title="New", description="", starts=soon, zone="UTC", seats=10, speakers=[]
    )
    after = plan(event)
    assert after.title == "New"
    assert (after.door, after.ladder, after.floor) == (before.door, before.ladder, before.floor)


def test_a_passphrase_stays_until_another_is_given(owner):
    event = service.create_event(owner, "P", terms=Terms(way="invite", passphrase="first one"))
    first = plan(event).door.passphrase_hash
    edit = {"title": "P", "description": "", "starts": None, "zone": "UTC", "seats": 5}
    service.edit_event(event, speakers=[], terms=terms_of(event), **edit)
    assert plan(event).door.passphrase_hash == first
    second = Terms(way="invite", passphrase="second one")
    service.edit_event(event, speakers=[], terms=second, **edit)
    assert plan(event).door.passphrase_hash not in ("", first)
    service.edit_event(event, speakers=[], terms=Terms(way="shuffled"), **edit)
    assert plan(event).door.passphrase_hash == ""


def test_the_form_settles_them(as_owner):
    answer = as_owner.post(
        "/events/new",
        GOOD
        | {
            "way": "invite",
            "passphrase": "night train",
            "ladder": "strict",
            "joins_per_s": "30",
            "floor": "20",
            "promise_min": "5",
        },
    )
    assert answer.status_code == 302
    event = Event.objects.get()
    assert terms_of(event) == Terms(
        way="invite", joins_per_s=30, ladder="strict", floor=20, promise_min=5
    )
    assert event.passphrase_hash
    page = as_owner.get(f"/events/{event.pk}").content.decode()
    assert "By invitation" in page
    assert "5 minutes after the end" in page
    assert page.count("#pass=") == 2 * 2  # shown and copied, for both named speakers
    form = as_owner.get(f"/events/{event.pk}/edit").content.decode()
    assert "night train" not in form
    assert "the one that is set stays" in form


def test_a_form_of_before_means_the_usual_terms(as_owner):
    assert as_owner.post("/events/new", GOOD).status_code == 302
    assert terms_of(Event.objects.get()) == Terms()


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"way": "sideways"}, "way", "valid choice"),
        ({"ladder": "rope"}, "ladder", "valid choice"),
        ({"floor": "201"}, "floor", "above the number of seats"),
        ({"joins_per_s": "-1"}, "joins_per_s", "greater than or equal"),
        ({"promise_min": "0"}, "promise_min", "greater than or equal"),
        ({"way": "invite", "passphrase": "abc"}, "passphrase", "4 to 200"),
    ],
)
def test_the_form_says_what_does_not_fit_at_its_field(as_owner, changes, field, says):
    answer = as_owner.post("/events/new", GOOD | changes)
    assert answer.status_code == 422
    assert not Event.objects.exists()
    assert says in str(answer.context["form"].errors[field])


def test_the_form_keeps_a_ladder_of_ones_own(as_owner, owner, soon):
    event = service.create_event(
        owner, "Own", starts=soon + dt.timedelta(days=1), terms=Terms(own_ladder=OWN)
    )
    page = as_owner.get(f"/events/{event.pk}/edit").content.decode()
    assert "The host’s own ladder." in page
    as_owner.post(f"/events/{event.pk}/edit", GOOD | {"ladder": "own"})
    event.refresh_from_db()
    assert event.own_ladder == OWN
    as_owner.post(f"/events/{event.pk}/edit", GOOD | {"ladder": "gentle"})
    event.refresh_from_db()
    assert (event.own_ladder, event.ladder) == (None, "gentle")
