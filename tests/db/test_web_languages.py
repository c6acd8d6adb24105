"""English, Gujarati, Hindi: everything is translated, and every page speaks them."""

import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from django.conf import settings

from samvad.events import service
from samvad.web import event_page, words
from samvad.web.forms import EventForm

ROOT = Path(__file__).resolve().parents[2]
GUJARATI = re.compile(r"[\u0a80-\u0aff]")
DEVANAGARI = re.compile(r"[\u0900-\u097f]")
SCRIPT = {"gu": GUJARATI, "hi": DEVANAGARI}


def test_every_message_is_translated():
    """The tool extracts all messages from sources and compares; it says what is missing."""
    done = subprocess.run(
        [sys.executable, "tools/messages.py", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_tool_sees_what_is_missing(tmp_path):
    """A message taken out of a catalogue is complained of."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import messages
    finally:
        sys.path.pop(0)
    found = {m.id for m in messages.template()}
    assert "Doors are open" in found  # of a template
    assert "This handle is taken." in found  # of a Python file
    assert any(isinstance(m, tuple) for m in found)  # with a plural


@pytest.mark.parametrize("lang", ["gu", "hi"])
def test_translations_are_in_their_own_script(lang):
    """Each translation has letters of its script, but for names of things that have no other."""
    path = settings.LOCALE_PATHS[0] / lang / "LC_MESSAGES" / "django.mo"
    with open(path, "rb") as file:
        catalog = read_mo(file)
    for message in catalog:
        if message.id:
            strings = [message.string] if isinstance(message.string, str) else message.string
            for string in strings:
                assert SCRIPT[lang].search(string), message.id
    other = DEVANAGARI if lang == "gu" else GUJARATI
    danda = "।"  # both scripts may use this sign of the Devanagari block
    text = "".join(str(m.string) for m in catalog if m.id).replace(danda, "")
    assert not other.search(text)


def english_left(page: str) -> list[str]:
    """Words of Latin letters that a reader sees and that are no name or sign of ours."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page, flags=re.S)
    text = re.sub(r"<select\b.*?</select>", " ", text, flags=re.S)  # IANA names of zones
    text = re.sub(r"<code\b.*?</code>", " ", text, flags=re.S)
    text = re.sub(r"<[^>]*>", " ", text)
    known = {"samvad", "english", "javascript", "whip", "obs", "am", "pm", "gmt", "utc", "asha",
             "patel", "bela", "rivers", "and", "cities", "who", "owns", "the", "water", "region",
             "city", "ap", "a", "z", "x", "amp", "quot", "copy"}  # fmt: skip
    return [w for w in re.findall(r"[A-Za-z]+", text) if w.lower() not in known]


PAGES = [
    "/",
    "/@asha",
    "/accounts/login/",
    "/accounts/signup/",
    "/nothing-here",
    "/events/{}/reminder",
    "/studio/{}",
    "/console/{}",
]
OWN = ["/events/", "/events/new", "/events/{}", "/events/{}/edit", "/events/{}/cancel",
       "/events/{}/end", "/events/{}/reminder", "/notices/", "/notices/wishes",
       "/accounts/password/", "/accounts/logout/"]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("lang", ["gu", "hi"])
def test_pages_speak_the_language(lang, client, as_owner, event):
    for reader, paths in ((client, PAGES), (as_owner, OWN)):
        for path in paths:
            answer = reader.get(path.format(event.pk), headers={"accept-language": lang})
            page = answer.content.decode()
            assert f'<html lang="{lang}"' in page, path
            assert answer.headers["Content-Language"] == lang
            assert SCRIPT[lang].search(page.split("<main")[1]), path
            assert english_left(page) == [], path


@pytest.mark.django_db
@pytest.mark.parametrize("lang", ["gu", "hi"])
def test_errors_speak_the_language(lang, client, as_owner):
    bad = {"start": "later", "seats": "0", "zone": "x", "title": "x" * 121, "date": "x"}
    for reader, path, form in (
        (as_owner, "/events/new", bad),
        (as_owner, "/events/new", {}),
        (client, "/accounts/login/", {"login": "a", "password": "b"}),
        (client, "/accounts/signup/", {"username": "!", "email": "x", "password1": "x"}),
        (client, "/accounts/signup/", {}),
    ):
        page = reader.post(path, form, headers={"accept-language": lang}).content.decode()
        page = page.replace("x" * 121, "")
        assert SCRIPT[lang].search(page.split('role="alert"')[1].split("</div>")[0])
        assert english_left(page) == [], (path, form)


@pytest.mark.django_db
def test_a_language_that_was_asked_for_is_remembered(client):
    assert client.get("/?lang=hi").headers["Content-Language"] == "hi"
    assert client.get("/").headers["Content-Language"] == "hi"
    assert client.get("/?lang=xx").headers["Content-Language"] == "hi"
    page = client.get("/?page=2&lang=gu").content.decode()
    assert 'href="/?lang=en&amp;page=2"' in page
    assert client.get("/").headers["Content-Language"] == "gu"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepts", "lang"),
    [
        ("gu-IN,gu;q=0.9,en;q=0.8", "gu"),
        ("hi-IN", "hi"),
        ("de,fr;q=0.5", "en"),
        ("", "en"),
        ("en-GB", "en"),
    ],
)
def test_the_readers_language(client, accepts, lang):
    answer = client.get("/", headers={"accept-language": accepts})
    assert answer.headers["Content-Language"] == lang
    assert "Accept-Language" in answer.headers["Vary"]


@pytest.mark.django_db
def test_the_crowds_page_speaks_three_languages(event):
    for lang, page in event_page.pages(event, ["Asha Patel", "Bela"]).items():
        assert f'<html lang="{lang}"' in page
        assert "style=" not in page
        if lang != "en":
            assert english_left(page) == []
    assert "India Standard Time" in event_page.pages(event, [])["en"]


def test_eight_in_new_york_is_half_past_five_in_india_as_the_date_command_says():
    told = subprocess.run(
        ["date", "-d", 'TZ="America/New_York" 2026-08-10 20:00', "+%-d %-I:%M"],
        env={"TZ": "Asia/Kolkata", "LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    at = dt.datetime(2026, 8, 11, 0, 0, tzinfo=dt.UTC)
    assert told == "11 5:30"
    assert words.moment(at, "Asia/Kolkata", "en") == "Tue 11 Aug 2026, 5:30 am India Standard Time"
    assert (
        words.moment(at, "America/New_York", "en")
        == "Mon 10 Aug 2026, 8:00 pm Eastern Daylight Time"
    )
    assert "5:30" in words.moment(at, "Asia/Kolkata", "gu")
    assert "ભારતીય માનક સમય" in words.moment(at, "Asia/Kolkata", "gu")
    assert "भारतीय मानक समय" in words.moment(at, "Asia/Kolkata", "hi")


def test_zones_without_a_name_say_their_distance():
    at = dt.datetime(2026, 8, 11, 0, 0, tzinfo=dt.UTC)
    assert words.moment(at, "America/Buenos_Aires", "en").endswith("GMT-03:00")
    assert words.moment(at, "UTC", "gu").endswith("UTC")


def test_numbers_and_lengths():
    assert [words.number(112_480, lang) for lang in ("en", "gu", "hi")] == [
        "112,480", "1,12,480", "1,12,480"
    ]  # fmt: skip
    assert [words.length(ms) for ms in (0, 42_999, 725_000, 5_527_000)] == [
        "0:00", "0:42", "12:05", "1:32:07"
    ]  # fmt: skip
    assert words.joined(["A", "B", "C"], "en") == "A, B and C"
    assert words.joined(["ક", "ખ"], "gu") == "ક અને ખ"


@pytest.mark.django_db
def test_the_form_offers_the_sites_zone_only_when_its_owner_chose_one(settings):
    from samvad.base.params import replace

    assert EventForm()["zone"].value() == ""
    settings.SAMVAD = replace(
        settings.SAMVAD, web=replace(settings.SAMVAD.web, zone="Asia/Kolkata")
    )
    assert EventForm()["zone"].value() == "Asia/Kolkata"


@pytest.mark.django_db
def test_a_zone_that_is_not_offered_stays_possible_for_its_event(owner, soon):
    event = service.create_event(owner, "T", starts=soon, zone="Etc/GMT-3")
    form = EventForm(event=event)
    assert ("Etc/GMT-3", "Etc/GMT-3") in form.fields["zone"].choices


def test_every_room_with_words_is_looked_through():
    """A new app's texts are in the check, not forgotten."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import messages
    finally:
        sys.path.pop(0)
    for path in (ROOT / "src/samvad").rglob("*.py"):
        if "gettext" in path.read_text(encoding="utf-8"):
            assert any(path.is_relative_to(source) for source in messages.SOURCES), path


@pytest.mark.django_db
@pytest.mark.parametrize("lang", ["gu", "hi"])
def test_plurals_and_numbers_follow_the_language(lang, client, as_owner, event, owner):
    from samvad.accounts.models import User
    from samvad.events import reminders

    for n in range(2):
        reminders.set_for(event, User.objects.create_user(f"reader{n}"))
    page = as_owner.get(f"/events/{event.pk}/cancel", headers={"accept-language": lang})
    assert re.search(r"2 [\u0900-\u0aff]+", page.content.decode())
    assert english_left(page.content.decode()) == []
