"""Leases of this machine's events, renewed each second by the process that leads them (climb.py).

The board tells the other processes how many seats the machine has; without a store all of them.
"""

from typing import Any

from samvad.base.clock import Moment
from samvad.gate.lease import Ask, Lease, Use
from samvad.gate.lines import Figure
from samvad.gate.register import Register
from samvad.gate.store import Store
from samvad.gate.watch import Watch


class Leases:
    """`each_second` after the watch's. `lease_s`: how long one is good without the store."""

    def __init__(self, register: Register[Any], watch: Watch, store: Store, lease_s: float) -> None:
        self._register, self._watch, self._store, self._lease_s = register, watch, store, lease_s
        self._leases: dict[str, Lease] = {}

    def each_second(self, at: Moment) -> None:
        """Take what the store has said, and ask it anew."""
        if self._store.busy:
            return  # what is asked next must follow from what it says
        led = self._watch.kept
        for name in self._leases.keys() - led:
            del self._leases[name]
        for asked_at, name, asked, grant in self._store.answers():
            event, lease = self._register.housed(name), self._leases.get(name)
            if event is not None and lease is not None:
                lease.take(asked_at, asked, grant)
                event.house.note_others(grant.machines, grant.others)
        asks: dict[str, Ask] = {}
        for name in led:
            event = self._register.housed(name)
            if event is None or event.plan is None or not event.is_open(at.wall_ms):
                continue
            house = event.house
            lease = self._leases.get(name)
            if lease is None:
                until = house.figure(Figure.LEASED_UNTIL_MS) / 1000
                lease = Lease(self._lease_s, house.figure(Figure.LEASED), until)
                self._leases[name] = lease
            counts = event.counts(at)
            use = Use(
                event.seats,
                counts.admitted,
                counts.in_line,
                house.per_s,
                house.rate_per_s(at.now),
                counts,
            )
            asks[name] = lease.ask(at.now, use)
            house.note_lease(lease.limit(at.now), lease.until)
            if at.now >= lease.until and counts.admitted:
                house.reduce(at.now, 0)  # others may take them any moment now
        if asks:
            self._store.ask(at.now, asks)
