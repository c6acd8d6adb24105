"""What a rehearsal has proven, as the door uses it: seats and joins a second of an event.

A certificate that holds here bounds what a host asks for; without one, or with one of another
version, other settings or another machine, the host's word counts, and where the host says
nothing the careful defaults of the settings do. state.json says which it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from samvad.base.folders import Folders
from samvad.protocol.certificate import Certificate, CertificateError, outdated
from samvad.protocol.plan import EventPlan
from samvad.protocol.proven import certificate_of, here, mark

LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Proof:
    """`notice`: why the certificate does not count; "" when it does, or there is none."""

    certificate: Certificate | None = None
    notice: str = ""

    @property
    def holds(self) -> bool:
        return self.certificate is not None and not self.notice

    def as_json(self) -> dict[str, Any] | None:
        """For state.json; None: there is no certificate."""
        one = self.certificate
        if one is None:
            return {"notice": self.notice} if self.notice else None
        return {
            "seats": one.seats,
            "joins_per_s": one.joins_per_s,
            "scenario": one.scenario,
            "at_ms": one.at_ms,
            "notice": self.notice,
        }


def allowed(plan: EventPlan, proof: Proof, seats: int, joins_per_s: float) -> tuple[int, float]:
    """Seats and joins a second of an event; `seats` and `joins_per_s` are the careful defaults."""
    one = proof.certificate
    if one is None or not proof.holds:
        return plan.seats or seats, plan.door.joins_per_s or joins_per_s
    joins = plan.door.joins_per_s or one.joins_per_s
    return min(plan.seats or one.seats, one.seats), min(joins, one.joins_per_s)


class Proofs:
    """Reads certificates from the data folder, each anew when its file has changed."""

    def __init__(self, folders: Folders, secret: bytes, gate: Mapping[str, Any]) -> None:
        """`gate`: the gate's settings, as a certificate marks them."""
        self._folders, self._secret, self._here = folders, secret, here(gate)
        self._known: dict[str, tuple[tuple[int, int], Proof]] = {}

    def of(self, event: str) -> Proof:
        """What is proven for an event: two `stat`s, and a signature when something is new."""
        marked = mark(self._folders, event)
        known = self._known.get(event)
        if known is None or known[0] != marked:
            known = self._known[event] = marked, self._read(event)
        return known[1]

    def _read(self, event: str) -> Proof:
        try:
            found = certificate_of(self._folders, self._secret, event)
        except CertificateError as error:
            return Proof(None, f"The certificate does not hold: {error}.")
        if found is None:
            return Proof()
        reasons = outdated(found, self._here)
        return Proof(
            found, f"The certificate is outdated: {'; '.join(reasons)}." if reasons else ""
        )
