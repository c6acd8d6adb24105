"""What a crowd of a given size needs: requests, bandwidth, cores, gates, and what drives the
cost. Pure arithmetic; each assumption is a field with its source, and is printed.
"""

import math
from dataclasses import dataclass, field

MARGIN = 0.75


@dataclass(frozen=True, slots=True)
class Assumptions:
    """`us_per_listener_s`: processor time of a gate for a second of a listener with plain HLS of
    two-second segments; `us_per_request`: of each request beyond the connection itself.
    """

    us_per_request: float = 15.0
    us_per_new_connection: float = 30.0
    us_per_kb: float = 0.12
    us_per_tls_handshake: float = 565.0
    kb_per_connection: float = 6.0
    header_bytes: int = 700
    playlist_bytes: int = 1_100
    names_every_s: float = 79.0
    names_bytes: int = 2_300
    state_every_s: float = 5.6
    state_bytes: int = 900
    page_kb: float = 180.0
    wire_share: float = 1.06
    line_poll_s: float = 10.0
    peak_to_mean: float = 1.4
    core_used: float = MARGIN

    def said(self) -> list[tuple[str, str]]:
        """Each with where it comes from."""
        return [
            ("a request", f"{self.us_per_request:g} µs of a core (benches of this repository)"),
            ("a kB sent", f"{self.us_per_kb:g} µs of a core (1 kB against 48 kB, same benches)"),
            ("a new connection", f"{self.us_per_new_connection:g} µs of a core (same benches)"),
            (
                "a TLS handshake",
                f"{self.us_per_tls_handshake:g} µs of a core (nginx, TLS 1.3, P-256)",
            ),
            ("a connection", f"{self.kb_per_connection:g} kB of memory, the kernel's share in it"),
            ("an answer", f"{self.header_bytes} bytes of heads; wire overhead {self.wire_share:g}"),
            ("a playlist", f"{self.playlist_bytes:,} bytes, compressed"),
            (
                "names of what is to come",
                f"{self.names_bytes:,} bytes each {self.names_every_s:g} s (the lean player)",
            ),
            ("state.json", f"{self.state_bytes} bytes each {self.state_every_s:g} s"),
            ("the first visit", f"{self.page_kb:g} kB (page, script, styles, fonts)"),
            ("peak to mean", f"{self.peak_to_mean:g} (plain HLS; LL-HLS would be 4)"),
            ("of a core", f"{self.core_used:.0%} is used; the rest is for what was not foreseen"),
        ]


@dataclass(frozen=True, slots=True)
class Need:
    """`listeners` at once with `segment_s` at `bitrate` (bit/s), who came within `arrive_s`.
    Rates are a second, at the mean; cores and gates are for the peak."""

    listeners: int
    bitrate: float
    segment_s: float
    arrive_s: float
    tls: bool
    requests_per_s: float
    joins_per_s: float
    gbit_s: float
    arrival_gbit_s: float
    listening_cores: float
    arrival_cores: float
    tls_cores: float
    gates: int
    memory_gb: float
    tb_per_hour: float
    proven: bool
    drivers: list[tuple[str, float]] = field(default_factory=list)

    @property
    def cores(self) -> float:
        """Those who listen and those who arrive, at the same time."""
        return self.listening_cores + self.arrival_cores + self.tls_cores


def need(
    listeners: int,
    bitrate: float,
    segment_s: float,
    *,
    arrive_s: float = 60.0,
    tls: bool = True,
    lean: bool = False,
    certified: tuple[int, float, int] | None = None,
    assume: Assumptions = Assumptions(),
) -> Need:
    """What it takes. `lean`: listeners name the next segments themselves, as our page does on the
    lower rungs, and read no playlists. `certified`: (seats, joins a second, cores) that a
    rehearsal has proven on one machine; then gates are counted by that, and not by the
    assumptions."""
    media_bytes = bitrate / 8 * segment_s
    kinds = {
        "media": (1 / segment_s, media_bytes),
        "names" if lean else "playlists": (
            (1 / assume.names_every_s, float(assume.names_bytes))
            if lean
            else (1 / segment_s, float(assume.playlist_bytes))
        ),
        "state": (1 / assume.state_every_s, float(assume.state_bytes)),
    }
    drivers: list[tuple[str, float]] = []
    requests = bytes_s = cores = 0.0
    for name, (each_s, size) in kinds.items():
        rate = listeners * each_s
        whole = size + assume.header_bytes
        cost = rate * (assume.us_per_request + whole / 1000 * assume.us_per_kb) / 1e6
        requests += rate
        bytes_s += rate * whole * assume.wire_share
        cores += cost
        drivers.append((name, cost))
    joins = listeners / max(arrive_s, 1.0)
    # Page, door, master, playlist, init, four segments and about six files, once each.
    visit_requests = 14
    visit_us = (
        visit_requests * assume.us_per_request
        + assume.us_per_new_connection
        + (assume.page_kb + 4 * media_bytes / 1000) * assume.us_per_kb
    )
    arrival = joins * visit_us / 1e6 / assume.core_used
    handshakes = joins * assume.us_per_tls_handshake / 1e6 / assume.core_used if tls else 0.0
    listening = cores * assume.peak_to_mean / assume.core_used
    if certified is not None:
        seats, joins_proven, machine_cores = certified
        machines = max(
            math.ceil(listeners / max(seats, 1)), math.ceil(joins / max(joins_proven, 0.1))
        )
        gates = machines * machine_cores
    else:
        gates = math.ceil(listening + arrival)
    return Need(
        listeners=listeners,
        bitrate=bitrate,
        segment_s=segment_s,
        arrive_s=arrive_s,
        tls=tls,
        requests_per_s=requests,
        joins_per_s=joins,
        gbit_s=bytes_s * 8 / 1e9,
        arrival_gbit_s=joins * (assume.page_kb * 1000 + 4 * media_bytes) * 8 / 1e9,
        listening_cores=listening,
        arrival_cores=arrival,
        tls_cores=handshakes,
        gates=gates,
        memory_gb=listeners * assume.kb_per_connection / 1e6,
        tb_per_hour=bytes_s * 3600 / 1e12,
        proven=certified is not None,
        drivers=[
            *sorted(drivers, key=lambda d: -d[1]),
            ("arrivals", arrival * assume.core_used),
            ("TLS handshakes", handshakes * assume.core_used),
        ],
    )
