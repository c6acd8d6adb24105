"""What other sites show of an event: static bytes, named by what they show."""

import io
import json
import re
from urllib.parse import urlsplit

import pytest
from django.utils import translation
from PIL import Image, ImageChops, features

from samvad.accounts import moves
from samvad.accounts.standing import Act
from samvad.events import plans, service
from samvad.events.models import Event
from samvad.web import draw, event_page, previews


def pixels(content):
    image = Image.open(io.BytesIO(content))
    assert image.size == (1200, 630)
    return image.convert("L")


def test_letters_of_three_scripts_are_shaped():
    """A conjunct is drawn as one, not as its parts: the two images differ in width."""
    assert features.check("raqm")
    for conjunct, apart in (("ક્ષ", "ક\u200cષ"), ("क्ष", "क\u200cष")):
        pictures = [pixels(draw.preview(text, "", "")) for text in (conjunct, apart)]
        blank = pixels(draw.preview(" ", "", ""))
        boxes = [ImageChops.difference(one, blank).getbbox() for one in pictures]
        assert all(boxes), "something is drawn"
        assert boxes[0] != boxes[1]


@pytest.mark.parametrize(
    "title",
    ["x" * 120, "W" * 120, "વ" * 120, "a " * 60, "🎉🎉", "日本語", "", "\u200d", "ક્" * 60,
     "one " + "y" * 115],
)  # fmt: skip
def test_any_title_fits(title):
    image = pixels(draw.preview(title, "with " + "z" * 500, "q" * 500))
    assert image.crop((1125, 0, 1200, 630)).getextrema()[0] > 200, "nothing at the right edge"


@pytest.mark.django_db
def test_the_listeners_page_says_what_it_is_and_all_it_names_is_there(event, client):
    plans.write(event.pk)
    event = Event.objects.get(pk=event.pk)
    page = event_page.pages(event, ["Asha Patel", "Bela", "ચંપા"])["en"]
    told = dict(re.findall(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)"', page))
    assert told["og:title"] == "Rivers and cities"
    assert told["og:url"] == f"http://127.0.0.1:8001/e/{event.slug}"
    assert told["twitter:card"] == "summary_large_image"
    assert "India Standard Time" in told["og:description"]
    image = client.get(urlsplit(told["og:image"]).path)
    assert image.headers["Content-Type"] == "image/png"
    assert image.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert len(image.content) < 60_000
    pixels(image.content)
    address = re.search(r'type="application/json\+oembed" href="([^"]+)"', page).group(1)
    answer = client.get(urlsplit(address).path)
    said = json.loads(answer.content)
    assert said["version"] == "1.0"
    assert said["type"] == "link"
    assert said["thumbnail_url"] == told["og:image"]
    asked = client.get("/oembed", {"url": told["og:url"]})
    assert asked.content == answer.content
    for lang in ("gu", "hi"):
        with translation.override(lang):
            assert previews.meta(event, ["Asha Patel", "Bela", "ચંપા"]).image == told["og:image"]


@pytest.mark.django_db
def test_they_are_served_without_database_or_session(
    event, client, django_assert_num_queries, settings
):
    plans.write(event.pk)
    [image] = settings.FOLDERS.previews.glob("*.png")
    with django_assert_num_queries(0):
        answer = client.get(f"/previews/{image.name}")
    assert answer.content == image.read_bytes()
    assert "Set-Cookie" not in answer.headers
    assert "public" in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_a_change_has_another_name_and_the_old_one_is_gone(event, client, settings):
    plans.write(event.pk)
    before = {path.name for path in settings.FOLDERS.previews.iterdir()}
    service.move_event(event, event.starts_at.replace(year=event.starts_at.year + 1))
    plans.write(event.pk)
    after = {path.name for path in settings.FOLDERS.previews.iterdir()}
    assert len(after) == 2
    assert not before & after
    assert client.get(f"/previews/{before.pop()}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_what_is_withheld_nothing_is_shown(event, owner, client, settings):
    moves.move(owner, Act.SUSPEND, by=None, reason="rule 1")
    assert list(settings.FOLDERS.previews.iterdir()) == []
    url = f"http://127.0.0.1:8001/e/{event.slug}"
    assert client.get("/oembed", {"url": url}).status_code == 404
    event = Event.objects.select_related("host").get(pk=event.pk)
    for lang, page in event_page.pages(event, ["Asha", "Bela"]).items():
        assert "og:" not in page, lang
        assert "Who owns" not in page
        assert "Bela" not in page.split('id="config"')[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"url": "http://evil.example/e/rivers-and-cities"}, 404),
        ({"url": "http://127.0.0.1:8001/e/nothing"}, 404),
        ({"url": "http://[::1/e/x"}, 404),
        ({"url": "x", "format": "xml"}, 501),
    ],
)
def test_oembed_of_what_is_not_ours(client, event, query, status):
    assert client.get("/oembed", query).status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["../secret.key", "x.png/../../samvad.sqlite3", "a.txt", ".png"])
def test_nothing_else_is_given_out(client, name):
    assert client.get(f"/previews/{name}").status_code == 404


@pytest.mark.django_db
def test_a_preview_that_cannot_be_made_keeps_no_plan_back(owner, monkeypatch, settings):
    def broken(*_a):
        raise RuntimeError

    monkeypatch.setattr(draw, "preview", broken)
    event = service.create_event(owner, "T")
    assert plans.write(event.pk) or not Event.objects.get(pk=event.pk).plan_pending
