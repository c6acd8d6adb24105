"""Records of incidents: on the page for everybody, signed, and live in the console."""

import json
from pathlib import Path

import jsonschema
import pytest

from samvad.events import incidents, intake
from samvad.events.models import Speaker
from samvad.protocol import incident_order, journal, signing
from samvad.protocol.incident import CLOSED, MINUTE, OPENED, Minute, minute_as_dict
from samvad.protocol.journal import JournalWriter

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = Path(__file__).parents[2] / "docs/reference/incident.schema.json"
AT = 1_800_000_000_000
ID = "0123456789"
MINUTES = [
    Minute(
        AT + n * 60_000, "attack", 300, {"connections": 900, "seats": 200, "deep": 600}, 60_000,
        {"tickets": 90_000, "slow": 50}, 40, (("203.0.113.0/24", 4_000),), {"bans": 40},
        0.999, 12.0,
    )
    for n in range(3)
]  # fmt: skip


@pytest.fixture
def gate(folders):
    writer = JournalWriter(folders.journal, "gate-0")
    yield writer
    writer.close()


@pytest.fixture
def attacked(event, gate, folders):
    gate.append(event.pk, journal.INCIDENT, AT, id=ID, what=OPENED, by="detector")
    for minute in MINUTES:
        told = minute_as_dict(minute)
        at_ms = minute.at_ms + 60_000
        gate.append(event.pk, journal.INCIDENT, at_ms, id=ID, what=MINUTE, minute=told)
    gate.append(event.pk, journal.INCIDENT, AT + 200_000, id=ID, what=CLOSED, by="Asha Patel")
    intake.take_all(folders.journal)
    return event


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            "There was an attack, and many people came at the same time. This is",
        ),
        ("gu", "હુમલો થયો હતો"),
        ("hi", "हमला हुआ था"),
    ],
)
def test_everybody_reads_what_it_was(client, attacked, lang, words):
    page = client.get(f"/happened/{attacked.pk}?lang={lang}").content.decode()
    assert words in page
    assert "203.0.113.0/24" in page
    assert "60%" in page
    assert "Asha Patel" not in page


def test_the_record_is_signed_by_the_events_key(client, attacked, settings):
    answer = client.get(f"/happened/{attacked.pk}/{ID}.json")
    document = answer.json()
    body = signing.opened(document, signing.public_key(settings.SITE_SECRET, attacked.pk))
    assert body["verdict"]["cause"] == "both"
    assert body["verdict"]["share"] == pytest.approx(0.6, abs=0.01)
    assert (body["opened_by"], body["closed_by"]) == ("detector", "operator")
    assert len(body["minutes"]) == 3
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert client.get(f"/happened/{attacked.pk}/{'f' * 10}.json").status_code == 404


def test_the_record_keeps_to_its_schema(attacked, settings):
    schema = json.loads(SCHEMA.read_text())
    (one,) = incidents.of(attacked.pk)
    jsonschema.validate(incidents.document(one, settings.SITE_SECRET), schema)


def test_the_console_shows_it_live_to_its_host_only(client, attacked, folders):
    path = f"/console/{attacked.pk}/incident.json"
    assert client.get(path).status_code == 401
    key = {
        "HTTP_AUTHORIZATION": "Bearer "
        + Speaker.objects.get(event=attacked, role=Speaker.HOST).token
    }
    told = client.get(f"{path}?lang=en", **key).json()["incident"]
    assert told["open"] is False
    assert told["says"].startswith("There was an attack")
    assert any("forged tickets" in sentence for sentence in told["evidence"])


def test_the_operator_opens_and_closes_one(client, as_owner, event, folders):
    path = f"/console/{event.pk}/incident.json"
    body = json.dumps({"open": True})
    assert client.post(path, body, content_type="application/json").status_code == 401
    # A session alone is not enough: another site's form would have it too.
    assert as_owner.post(path, body, content_type="application/json").status_code == 401
    key = {
        "HTTP_AUTHORIZATION": "Bearer " + Speaker.objects.get(event=event, role=Speaker.HOST).token
    }
    assert client.post(path, "[]", content_type="application/json", **key).status_code == 400
    assert client.post(path, body, content_type="application/json", **key).json() == {
        "incident": None
    }
    assert incident_order.read(folders.run) == {"open": True, "by": "host"}
