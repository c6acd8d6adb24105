"""The records of incidents of an event: put together from facts, signed when published."""

from pathlib import Path
from typing import Any

from samvad.events.models import Fact
from samvad.events.zones import unix_ms
from samvad.protocol import incident, incident_order, journal, signing
from samvad.protocol.incident import Incident

MOST_FACTS = 5_000
"""Facts of incidents of one event that are looked at: three days of minutes."""


def of(event_id: str) -> list[Incident]:
    """Its incidents, the oldest first; one may still be open."""
    facts = Fact.objects.filter(event=event_id, kind=journal.INCIDENT).order_by("at", "pk")
    return incident.together(
        ((unix_ms(fact.at) or 0, fact.data) for fact in facts[:MOST_FACTS]), event_id
    )


def document(one: Incident, secret: bytes) -> dict[str, Any]:
    """The record as anybody may check it: signed by the event's key (docs/incidents.md)."""
    return signing.sign(secret, one.event, incident.as_dict(one))


def order(run: Path, open_: bool, by: str) -> None:
    """The operator opens a record, or closes it; the gates obey within a second. Raises OSError."""
    incident_order.write(run, open_, by)
