"""Facts come up: what stage and gates wrote into their journals becomes part of the events.

A batch of facts, their effects and the cursor behind them are one transaction. So a crash
anywhere leaves nothing done or all of it, and reading a journal twice changes nothing.
"""

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from django.db import transaction

from samvad.events import plans
from samvad.events.lifecycle import Happening
from samvad.events.models import Event, Fact, JournalCursor
from samvad.events.moves import move
from samvad.protocol import journal

log = logging.getLogger(__name__)

BATCH = 200
"""Facts a transaction: a long journal must not hold the write lock for long."""


def take_all(folder: Path) -> int:
    """Take what is new in every journal, and write the plans that it changed.

    Returns how many facts were new. Raises OSError when the folder cannot be read, and
    django.db.OperationalError when the database stays locked; what was taken stays taken.
    """
    taken = 0
    for path in sorted(folder.glob("*.jsonl")):
        while True:
            facts, new, changed = _take_batch(path)
            taken += new
            for event_id in changed:
                plans.write_or_leave(event_id)
            if facts < BATCH:
                break
    return taken


def _take_batch(path: Path) -> tuple[int, int, set[str]]:
    """(facts read, facts that were new, events whose plan changed)."""
    with transaction.atomic():
        cursor, _ = JournalCursor.objects.get_or_create(file=path.name)
        if path.stat().st_size < cursor.offset:
            log.warning("%s is shorter than it was; it is read again from its start", path.name)
            cursor.offset = 0
            cursor.save()
        facts = list(islice(journal.read_from(path, cursor.offset), BATCH))
        if not facts:
            return 0, 0, set()
        new = [fact for fact, _ in facts if _remember(fact)]
        changed = {fact.event for fact in new if _apply(fact)}
        cursor.offset = facts[-1][1]
        cursor.save()
    return len(facts), len(new), changed


def _remember(fact: journal.Fact) -> bool:
    """Keep the fact; False when it was kept before."""
    _, created = Fact.objects.get_or_create(
        writer=fact.writer,
        seq=fact.seq,
        defaults={
            "event": fact.event[:32],
            "kind": fact.kind[:32],
            "at": _moment(fact.at_ms),
            "data": dict(fact.data),
        },
    )
    return created


def _apply(fact: journal.Fact) -> bool:
    """What the fact changes of its event. True when the plan changed."""
    effect = EFFECTS.get(fact.kind)
    return effect(fact) if effect else False


def _went_live(fact: journal.Fact) -> bool:
    return move(fact.event, Happening.WENT_LIVE, live_since=_moment(fact.at_ms))


def _ended(fact: journal.Fact) -> bool:
    return move(fact.event, Happening.ENDED, ended_at=_moment(fact.at_ms))


def _recording_ready(fact: journal.Fact) -> bool:
    size, length = _count(fact, "bytes"), _count(fact, "duration_ms")
    if size is not None and length is not None:
        Event.objects.filter(pk=fact.event).update(replay_bytes=size, replay_ms=length)
    return False


_MOST = {
    "listening": "peak_listeners",
    "peak": "peak_listeners",
    "joined": "seats_given",
    "refused": "times_refused",
    "in_line": "longest_line",
}
"""Of each count (docs/counts.md) the largest there was, and where the event keeps it."""


def _counts(fact: journal.Fact) -> bool:
    for name, field in _MOST.items():
        count = _count(fact, name)
        if count is not None and count < 2**31:
            Event.objects.filter(pk=fact.event, **{f"{field}__lt": count}).update(**{field: count})
    return False


EFFECTS: dict[str, Callable[[journal.Fact], bool]] = {
    journal.WENT_LIVE: _went_live,
    journal.ENDED: _ended,
    journal.RECORDING_READY: _recording_ready,
    journal.COUNTS: _counts,
}
"""What each kind of fact changes. Other kinds are kept and change nothing yet."""


def _count(fact: journal.Fact, name: str) -> int | None:
    """A whole number of the fact, or None: a journal is data, not to be trusted blindly."""
    value = fact.data.get(name)
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


def _moment(at_ms: int) -> dt.datetime:
    """Unix milliseconds as a time the database takes; nonsense becomes its nearest bound."""
    return dt.datetime.fromtimestamp(min(max(at_ms, 0), 253_402_300_799_000) / 1000, dt.UTC)


def happened(event_id: str, kinds: Iterable[str]) -> list[Fact]:
    """The facts of an event of these kinds, oldest first."""
    return list(Fact.objects.filter(event=event_id, kind__in=list(kinds)).order_by("at", "seq"))


def taken_since(event_id: str, kinds: Iterable[str], after: int, most: int) -> list[Fact]:
    """The facts of these kinds that were taken after the one with primary key `after`, oldest
    first, the newest `most` of them. (By time one would miss those that came up late.)"""
    found = Fact.objects.filter(event=event_id, kind__in=list(kinds), pk__gt=after)
    return list(found.order_by("-pk")[:most])[::-1]


_LAST = 2**62
_OWN = {
    journal.PROMISE: _LAST,
    journal.PROMISE_KEPT: _LAST + 1,
    journal.PROMISE_LATE: _LAST + 2,
}
"""Numbers of one's own facts: behind every fact that came up in the same millisecond."""


def note(event_id: str, kind: str, at: dt.datetime, **data: object) -> bool:
    """Keep a fact that this side of the site knows by itself; one of a kind for each event."""
    _fact, created = Fact.objects.get_or_create(
        writer=f"site/{event_id}",
        seq=_OWN[kind],
        defaults={"event": event_id, "kind": kind, "at": at, "data": data},
    )
    return created
