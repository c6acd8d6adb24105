"""What one asks at the door, and what it answers (docs: DESIGN, the public surface). Pure."""

import json
from dataclasses import dataclass
from enum import Enum

from samvad.rehearsal.place import Place, read_place
from samvad.rehearsal.proof import Solver

FULL_S = 5.0
"""Until the next knock when the door does not say when."""
LEAST_S = 0.1


class Said(Enum):
    ADMIT = "admit"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`again_s` None: it is of no use to knock again. `place` comes with WAIT."""

    said: Said
    again_s: float | None = None
    ticket: bytes = b""
    play: bytes = b""
    place: Place | None = None
    reason: str = ""
    solver: Solver | None = None
    """Work to be done before one knocks again."""


def read_verdict(text: bytes, door: bytes) -> Verdict:
    """The answer of the door at path `door`. Raises ValueError for what is none."""
    try:
        about = json.loads(text)
        said = Said(about["verdict"])
        again_ms = about.get("retry_after_ms")
        again_s = None if again_ms is None else max(LEAST_S, float(again_ms) / 1000)
        if said is Said.ADMIT:
            ticket, play = about["ticket"].encode("ascii"), about["play"].encode("ascii")
            return Verdict(said, again_s, ticket, play)
        if said is Said.WAIT:
            return Verdict(said, again_s, place=read_place(about, door))
        reason, challenge = str(about.get("reason")), about.get("challenge")
        solver = Solver(challenge) if reason == "proof" and challenge else None
        return Verdict(said, again_s, reason=reason, solver=solver)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no verdict: {error!r}") from None


def knock(door: bytes, tail: bytes, ticket: bytes, place: bytes, proof: str = "") -> bytes:
    """A knock with what one has from before; `tail` as `habit.tail_of` gives it."""
    shown = {}
    if ticket:
        shown["ticket"] = ticket.decode("ascii")
    if place:
        shown["place"] = place.decode("ascii")
    if proof:
        shown["proof"] = proof
    return _post(door, tail, json.dumps(shown, separators=(",", ":")).encode())


def leave(door: bytes, tail: bytes, ticket: bytes) -> bytes:
    """What a page that is closed sends: its seat is free."""
    return _post(door + b"/leave", tail, b'{"ticket":"%b"}' % ticket)


def _post(path: bytes, tail: bytes, body: bytes) -> bytes:
    fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    return b"POST " + path + tail[:-2] + fields % (len(body), body)
