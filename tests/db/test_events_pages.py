"""Every page with its owner, another account, and nobody logged in; and forms with bad input."""

import datetime as dt
import zoneinfo

import pytest
from django.test import Client

from samvad.events import service
from samvad.events.lifecycle import Happening
from samvad.events.models import Event
from samvad.protocol import operator

pytestmark = pytest.mark.django_db

DAY = (dt.datetime.now(dt.UTC) + dt.timedelta(days=200)).date()
"""Far enough, and on no night on which clocks are put forward or back."""
if DAY.month in (3, 4, 9, 10, 11):
    DAY = DAY.replace(year=DAY.year + 1, month=6, day=15)

GOOD = {
    "title": "Night train",
    "description": "",
    "start": "later",
    "date": DAY.isoformat(),
    "time": "20:00",
    "zone": "America/New_York",
    "speakers": "Bela\nDev\n",
    "seats": "200",
}


def own_pages(event):
    base = f"/events/{event.pk}"
    return ["/events/", "/events/new", base, f"{base}/edit", f"{base}/cancel", f"{base}/end"]


def test_the_owner_sees_all_own_pages(as_owner, event):
    for path in own_pages(event):
        answer = as_owner.get(path)
        assert answer.status_code == 200, path
        assert answer.content.count(b"<h1") == 1, path
        assert "private" in answer.headers["Cache-Control"], path


def test_nobody_is_sent_to_log_in(client, event):
    for path in own_pages(event):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize("who", ["as_other", "as_staff"])
def test_another_account_finds_nothing_of_it(who, request, event):
    client = request.getfixturevalue(who)
    for path in own_pages(event)[2:]:
        assert client.get(path).status_code == 404, path
        assert client.post(path, GOOD).status_code in (404, 405), path
    assert b"Rivers" not in client.get("/events/").content
    event.refresh_from_db()
    assert event.life == "announced"


def test_forms_need_their_token(owner, event):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner, "allauth.account.auth_backends.AuthenticationBackend")
    for path in ("/events/new", f"/events/{event.pk}/cancel", f"/events/{event.pk}/end"):
        answer = strict.post(path, GOOD)
        assert answer.status_code == 403
        assert "too old" in answer.content.decode()
    assert Event.objects.get().life == "announced"


def test_the_list_is_for_everybody(client, as_other, event, owner):
    live = service.create_event(owner, "On air")
    service.move(live.pk, Happening.WENT_LIVE, live_since=dt.datetime.now(dt.UTC))
    past = service.create_event(owner, "Long ago")
    service.move(past.pk, Happening.ENDED, ended_at=dt.datetime.now(dt.UTC))
    Event.objects.filter(pk=past.pk).update(replay_ms=5_527_000, replay_bytes=1)
    gone = service.create_event(owner, "Called off")
    service.cancel_event(gone)
    for reader in (client, as_other):
        page = reader.get("/").content.decode()
        assert page.index("On air now") < page.index("Coming") < page.index("To hear again")
        assert page.index(">On air<") < page.index("Rivers and cities") < page.index("Long ago")
        assert "1:32:07" in page
        assert "Called off" not in page
        for speaker in event.speakers.all():
            assert speaker.token not in page
    assert "Log in" in client.get("/").content.decode()


def test_the_list_asks_the_database_as_often_for_many_as_for_one(
    client, owner, event, django_assert_num_queries
):
    for number in range(8):
        some = service.create_event(owner, f"Talk {number}", speakers=["A", "B"])
        if number % 2:
            service.move(some.pk, Happening.ENDED, ended_at=dt.datetime.now(dt.UTC))
    with django_assert_num_queries(6):  # live, coming, past (count, rows), speakers twice
        client.get("/")


def test_ones_own_list_and_page_ask_a_fixed_number_of_times(
    as_owner, owner, event, django_assert_num_queries
):
    for number in range(5):
        service.create_event(owner, f"Talk {number}", speakers=["A", "B"])
    with django_assert_num_queries(5):  # session, account, unread, count, rows
        as_owner.get("/events/")
    with django_assert_num_queries(6):  # session, account, unread, event, speakers, reminders
        as_owner.get(f"/events/{event.pk}")


def test_the_past_is_paged(client, owner):
    for number in range(23):
        some = service.create_event(owner, f"Talk {number:02}")
        service.move(some.pk, Happening.ENDED, ended_at=dt.datetime.now(dt.UTC))
    first, second = (client.get(f"/?page={n}").content.decode() for n in (1, 2))
    assert "Older" in first
    assert "Newer" in second
    assert "Talk 00" in second
    assert "Talk 22" in first
    assert client.get("/?page=nonsense").status_code == 200


def test_a_good_form_makes_an_event_in_its_zone(as_owner, owner):
    answer = as_owner.post("/events/new", GOOD)
    event = Event.objects.get()
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/events/{event.pk}"
    assert event.host == owner
    assert event.starts_at == dt.datetime.combine(
        DAY, dt.time(20), tzinfo=zoneinfo.ZoneInfo("America/New_York")
    )
    assert [s.name for s in event.speakers.all()] == ["Asha Patel", "Bela", "Dev"]
    page = as_owner.get(answer.headers["Location"]).content.decode()
    for speaker in event.speakers.all():
        assert f"/studio/{event.pk}#{speaker.token}" in page
    assert f'data-copy="http://127.0.0.1:8001/e/{event.slug}"' in page


def test_an_empty_form_is_answered_not_ignored(as_owner):
    answer = as_owner.post("/events/new")
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"title", "start", "seats"}


def test_now_needs_no_time(as_owner):
    form = {"title": "Now", "start": "now", "seats": "5"}
    assert as_owner.post("/events/new", form).status_code == 302
    event = Event.objects.get()
    assert event.starts_at is None
    assert event.life == "doors"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"title": ""}, "title", "required"),
        ({"title": " \t "}, "title", "required"),
        ({"title": "x" * 121}, "title", "at most 120"),
        ({"title": "a\x00b"}, "title", "Null characters"),
        ({"description": "x" * 4001}, "description", "at most 4000"),
        ({"start": "whenever"}, "start", "valid choice"),
        ({"date": ""}, "date", "Choose a date"),
        ({"date": "2027-02-30"}, "date", "valid date"),
        ({"time": ""}, "time", "Choose a time"),
        ({"time": "25:00"}, "time", "valid time"),
        ({"date": "2020-01-01"}, "time", "is over"),
        ({"zone": ""}, "zone", "Choose a time zone"),
        ({"zone": "Mars/Olympus"}, "zone", "valid choice"),
        ({"seats": "0"}, "seats", "greater than or equal to 1"),
        ({"seats": "many"}, "seats", "whole number"),
        ({"seats": "99999999999"}, "seats", "less than or equal"),
        ({"speakers": "\n".join(map(str, range(13)))}, "speakers", "room for 12"),
        ({"speakers": "Dev\nDEV"}, "speakers", "named twice"),
        ({"speakers": "x" * 81}, "speakers", "80 letters"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_nothing_is_lost(as_owner, changes, field, says):
    answer = as_owner.post("/events/new", GOOD | changes)
    assert answer.status_code == 422
    assert not Event.objects.exists()
    form = answer.context["form"]
    assert set(form.errors) == {field}
    assert says in str(form.errors[field])
    page = answer.content.decode()
    assert f'id="id_{field}_error"' in page
    assert f"id_{field}_error" in _described(page, field)
    if "title" not in changes:
        assert 'value="Night train"' in page


def _described(page, field):
    """What stands in aria-describedby of the field's control or group."""
    start = page.index(f'name="{field}"', page.index("<main"))
    before = page.rindex('aria-describedby="', 0, start + 400)
    return page[before : before + 200]


def test_a_time_that_is_skipped_is_explained(as_owner):
    year = DAY.year + 1
    form = GOOD | {"date": _last_sunday(year, 3), "time": "02:30", "zone": "Europe/Berlin"}
    answer = as_owner.post("/events/new", form)
    assert answer.status_code == 422
    assert "for example 3:30 am" in str(answer.context["form"].errors["time"])


def test_a_time_that_comes_twice_is_asked_for(as_owner):
    year = DAY.year + 1
    form = GOOD | {"date": _last_sunday(year, 10), "time": "02:30", "zone": "Europe/Berlin"}
    answer = as_owner.post("/events/new", form)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "2:30 am Central European Summer Time" in page
    assert "2:30 am Central European Standard Time" in page
    for which, utc in (("first", 0), ("second", 1)):
        assert as_owner.post("/events/new", form | {"which": which}).status_code == 302
        event = Event.objects.latest("created_at")
        assert event.starts_at.astimezone(dt.UTC).hour == utc
    # Changing it later shows which one it is.
    page = as_owner.get(f"/events/{event.pk}/edit").content.decode()
    assert 'value="second" id="id_which_1" checked' in page or (
        'value="second"' in page and "checked" in page.split('value="second"')[1][:60]
    )


def _last_sunday(year, month):
    day = dt.date(year, month, 31)
    return (day - dt.timedelta(days=(day.weekday() + 1) % 7)).isoformat()


def test_the_change_form_starts_from_what_is(as_owner, event):
    page = as_owner.get(f"/events/{event.pk}/edit").content.decode()
    local = event.starts_at.astimezone(zoneinfo.ZoneInfo("Asia/Kolkata"))
    assert f'value="{local:%Y-%m-%d}"' in page
    assert f'value="{local:%H:%M}"' in page
    assert '<option value="Asia/Kolkata" selected>' in page
    assert "Bela\nચંપા</textarea>" in page


def test_a_change_is_saved(as_owner, event):
    answer = as_owner.post(f"/events/{event.pk}/edit", GOOD)
    assert answer.status_code == 302
    event.refresh_from_db()
    assert (event.title, event.revision, event.slug) == ("Night train", 2, "rivers-and-cities")


def test_a_title_can_be_mended_after_the_announced_start(as_owner, event):
    past = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0) - dt.timedelta(minutes=5)
    Event.objects.filter(pk=event.pk).update(starts_at=past, zone="UTC", state="doors")
    form = GOOD | {"date": f"{past:%Y-%m-%d}", "time": f"{past:%H:%M}", "zone": "UTC"}
    assert as_owner.post(f"/events/{event.pk}/edit", form).status_code == 302
    event.refresh_from_db()
    assert event.title == "Night train"


def test_what_is_live_is_not_changed(as_owner, event):
    service.move(event.pk, Happening.WENT_LIVE)
    answer = as_owner.post(f"/events/{event.pk}/edit", GOOD, follow=True)
    assert "can no longer be changed" in answer.content.decode()
    event.refresh_from_db()
    assert event.title == "Rivers and cities"
    answer = as_owner.post(f"/events/{event.pk}/cancel", follow=True)
    assert "can no longer be cancelled" in answer.content.decode()


def test_cancel_asks_first(as_owner, event):
    path = f"/events/{event.pk}/cancel"
    assert "Cancel this conversation?" in as_owner.get(path).content.decode()
    event.refresh_from_db()
    assert event.life == "announced"
    answer = as_owner.post(path, follow=True)
    assert "Cancelled" in answer.content.decode()
    event.refresh_from_db()
    assert event.life == "cancelled"
    assert "/studio/" not in answer.content.decode()


def test_an_end_that_cannot_reach_the_stage_says_so(as_owner, event, monkeypatch):
    from samvad.base.errors import PlainError

    def no_stage(event_id, by):
        raise PlainError("The stage cannot be reached.", "Start it.")

    monkeypatch.setattr("samvad.events.stage_client.end", no_stage)
    answer = as_owner.post(f"/events/{event.pk}/end", follow=True)
    assert "The stage cannot be reached. Start it." in answer.content.decode()
    event.refresh_from_db()
    assert event.life == "announced"


def test_the_way_to_the_gate(client, event):
    for name in (event.slug, event.pk):
        answer = client.get(f"/e/{name}")
        assert answer.status_code == 302
        assert answer.headers["Location"] == "http://127.0.0.1:8001/e/rivers-and-cities"
    assert client.get(f"/e/{event.slug}?lang=gu").headers["Location"].endswith("?lang=gu")
    assert "x" not in client.get(f"/e/{event.slug}?lang=x%0d%0a").headers["Location"][-6:]
    assert client.get("/e/nothing-here").status_code == 404


@pytest.mark.parametrize("room", ["studio", "console"])
def test_studio_and_console_are_shells_without_secrets(room, client, as_other, event):
    for reader in (client, as_other):
        answer = reader.get(f"/{room}/{event.pk}")
        assert answer.status_code == 200
        page = answer.content.decode()
        assert '<script id="config" type="application/json">' in page
        for speaker in event.speakers.all():
            assert speaker.token not in page
    assert client.get(f"/{room}/nothing000").status_code == 404
    assert client.get(f"/{room}/..").status_code == 404


def test_the_console_lets_its_owner_and_staff_in(as_owner, as_staff, event, settings):
    path = f"/console/{event.pk}"
    own, theirs = as_owner.get(path), as_staff.get(path)
    assert own.context["config"]["token"] == event.speakers.get(role="host").token
    # Staff act in their own name, not in the host's.
    key = theirs.context["config"]["token"]
    assert operator.holder(settings.SITE_SECRET, event.pk, key, 0) == "sami"
    for answer in (own, theirs):
        assert "no-store" in answer.headers["Cache-Control"]
    figures = Client().get(f"{path}/log.json", HTTP_AUTHORIZATION=f"Bearer {key}")
    assert figures.status_code == 200


def test_the_studio_has_what_its_script_needs(as_owner, client, event):
    config = as_owner.get(f"/studio/{event.pk}").context["config"]
    assert config == {
        "event": event.pk,
        "lang": "en",
        "stage": "http://127.0.0.1:8002",
        "gate": "http://127.0.0.1:8001",
        "page": "http://127.0.0.1:8001/e/rivers-and-cities",
        "title": "Rivers and cities",
        "manage": f"http://127.0.0.1:8000/events/{event.pk}",
    }
    assert client.get(f"/studio/{event.pk}").context["config"]["manage"] == ""


def test_what_is_shown_is_escaped(as_owner, owner, client):
    evil = "</script><script>alert(1)</script>"
    event = service.create_event(owner, evil, evil, speakers=[evil])
    paths = ("/", f"/events/{event.pk}", f"/studio/{event.pk}", f"/events/{event.pk}/edit")
    for path in paths:
        assert evil not in as_owner.get(path).content.decode(), path


def test_pages_answer_only_what_they_take(client, as_owner, event):
    assert client.post("/").status_code == 405
    assert client.delete(f"/studio/{event.pk}").status_code == 405
    assert as_owner.put(f"/events/{event.pk}/end").status_code == 405


def test_health(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


def test_a_persons_page_is_for_everybody(client, as_other, owner, event, django_assert_num_queries):
    past = service.create_event(owner, "Long ago")
    service.move(past.pk, Happening.ENDED, ended_at=dt.datetime.now(dt.UTC))
    service.cancel_event(service.create_event(owner, "Called off"))
    for reader in (client, as_other):
        page = reader.get("/@asha?tab=events").content.decode()
        assert "<h1>Asha Patel" in page
        assert page.index("Rivers and cities") < page.index("Long ago")
        assert "Called off" not in page
        assert "asha@example.org" not in page
    with django_assert_num_queries(5):  # account, links, count, rows, speakers
        client.get("/@asha?tab=events")


def test_a_closed_account_and_an_unknown_one_have_no_page(client, owner):
    assert client.get("/@nobody").status_code == 404
    owner.is_active = False
    owner.save()
    assert client.get("/@asha").status_code == 404
