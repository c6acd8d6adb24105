"""The door: who comes in. Verdicts are values; the next issue adds the line between the two.

Pure but for the seats it is given (seats.py). Times: `now` monotonic seconds, `wall_ms` Unix.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from samvad.gate.seats import NoSeat
from samvad.gate.state import Situation
from samvad.protocol.hls import master_path
from samvad.protocol.ticket import Ticket, Tickets

TICKET_MINUTES = 12 * 60
"""A ticket's signature is good for so long; its seat for as long as it is used."""

AGAIN_FULL_MS = 5_000
AGAIN_BUSY_MS = 500
AGAIN_CLOSED_MS = 30_000


class Reason(StrEnum):
    FULL = "full"
    NOT_OPEN = "not_open"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Admit:
    """Come in; `ticket` stands in the playlists' URLs."""

    ticket: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not now. `retry_after_ms` None: it is of no use to ask again."""

    reason: Reason
    retry_after_ms: int | None = None


Verdict = Admit | Refuse


class SeatTable(Protocol):
    def claim(self, now: float) -> tuple[int, int] | NoSeat: ...

    def touch(self, ticket: Ticket, now: float) -> bool: ...


def decide(
    *,
    situation: Situation,
    doors_ms: int | None,
    seats: SeatTable,
    tickets: Tickets,
    shown: str,
    now: float,
    wall_ms: int,
) -> Verdict:
    """Admit or refuse one who knocks. `shown` is a ticket from before, or "": it keeps its seat."""
    if situation is Situation.CANCELLED:
        return Refuse(Reason.CANCELLED)
    if situation is Situation.ENDED:
        return Refuse(Reason.ENDED)
    if situation is Situation.ANNOUNCED:
        opens_in_ms = doors_ms - wall_ms if doors_ms is not None else AGAIN_CLOSED_MS
        return Refuse(Reason.NOT_OPEN, min(max(opens_in_ms, 1_000), AGAIN_CLOSED_MS))
    expires_min = wall_ms // 60_000 + TICKET_MINUTES
    old = tickets.verify(shown, wall_ms) if shown else None
    if old is not None and seats.touch(old, now):
        return Admit(tickets.sign(Ticket(old.seat, old.generation, expires_min)))
    claimed = seats.claim(now)
    if isinstance(claimed, NoSeat):
        again_ms = AGAIN_FULL_MS if claimed is NoSeat.FULL else AGAIN_BUSY_MS
        return Refuse(Reason.FULL, again_ms)
    seat, generation = claimed
    return Admit(tickets.sign(Ticket(seat, generation, expires_min)))


def shown_ticket(body: bytes) -> str | None:
    """The ticket in a knock's body: "" when there is none, None when the body is no such JSON."""
    if not body.strip():
        return ""
    try:
        said = json.loads(body)
    except ValueError:
        return None
    except RecursionError:
        return None
    if not isinstance(said, dict):
        return None
    ticket = said.get("ticket") or ""
    return ticket if isinstance(ticket, str) and ticket.isascii() else None


def as_json(event: str, verdict: Verdict, replay: str | None) -> bytes:
    """The door's answer. `replay` is the path of the recording, if there is one."""
    if isinstance(verdict, Admit):
        play = master_path(event, verdict.ticket)
        said: dict[str, object] = {"verdict": "admit", "ticket": verdict.ticket, "play": play}
    else:
        said = {
            "verdict": "refuse",
            "reason": verdict.reason.value,
            "replay": replay,
            "retry_after_ms": verdict.retry_after_ms,
        }
    return json.dumps(said, separators=(",", ":")).encode()
