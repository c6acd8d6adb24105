"""The stage's own figures, as Prometheus text (exposition format 0.0.4). Declared once, here."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from samvad.stage.jitter import JitterCounters

BOUNDS_MS = (0.25, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 250, 1000)
"""Upper bounds of the histogram of tick lateness, in ms; a tick has 20 ms."""

COUNTED = ("received", "played", "lost", "late", "duplicate", "merged", "waited")


@dataclass(slots=True)
class Lateness:
    """How late ticks began. Worry when the 99th percentile nears 20 ms."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    total: int = 0
    sum_ms: float = 0.0
    worst_ms: float = 0.0

    def add(self, late_ms: float) -> None:
        self.counts[bisect_left(BOUNDS_MS, late_ms)] += 1
        self.total += 1
        self.sum_ms += late_ms
        self.worst_ms = max(self.worst_ms, late_ms)

    def quantile_ms(self, share: float) -> float:
        """The bound under which this share of the ticks lies; the worst one beyond the last."""
        seen, wanted = 0, share * self.total
        for count, bound in zip(self.counts, BOUNDS_MS, strict=False):
            seen += count
            if seen >= wanted:
                return min(bound, self.worst_ms)
        return self.worst_ms


@dataclass(slots=True)
class Figures:
    """Counters since the start; gauges are passed to `text`."""

    lateness: Lateness = field(default_factory=Lateness)
    ticks_skipped: int = 0
    ticks_failed: int = 0
    busy_s: float = 0.0
    publications: int = 0
    returns: int = 0
    refused: int = 0
    peers_lost: int = 0
    facts_lost: int = 0
    parts: int = 0
    packets: dict[str, int] = field(default_factory=dict)

    def count(self, counters: JitterCounters) -> None:
        """Add what became of the packets of a stream that is over."""
        for what in COUNTED:
            self.packets[what] = self.packets.get(what, 0) + getattr(counters, what)

    def text(self, gauges: dict[str, float], running: Iterable[JitterCounters] = ()) -> str:
        """The whole page. `running`: streams that are not over, and so not counted yet."""
        sofar = Figures(packets=dict(self.packets))
        for counters in running:
            sofar.count(counters)
        out: list[str] = []

        def put(name: str, kind: str, says: str, *samples: tuple[str, float]) -> None:
            out.append(f"# HELP samvad_stage_{name} {says}")
            out.append(f"# TYPE samvad_stage_{name} {kind}")
            out.extend(f"samvad_stage_{name}{label} {value:g}" for label, value in samples)

        seen = 0
        buckets: list[tuple[str, float]] = []
        for count, bound in zip(self.lateness.counts, BOUNDS_MS, strict=False):
            seen += count
            buckets.append((f'_bucket{{le="{bound / 1000:g}"}}', seen))
        put(
            "tick_late_seconds",
            "histogram",
            "How late each 20 ms tick began.",
            *buckets,
            ('_bucket{le="+Inf"}', self.lateness.total),
            ("_sum", self.lateness.sum_ms / 1000),
            ("_count", self.lateness.total),
        )
        put(
            "ticks_skipped_total",
            "counter",
            "Ticks given up because the machine stood still.",
            ("", self.ticks_skipped),
        )
        put(
            "ticks_failed_total",
            "counter",
            "Ticks that raised an error. Worry at any.",
            ("", self.ticks_failed),
        )
        put("busy_seconds_total", "counter", "Time spent inside ticks.", ("", self.busy_s))
        put("parts_total", "counter", "Parts handed to the gates.", ("", self.parts))
        put("publications_total", "counter", "WHIP sessions begun.", ("", self.publications))
        put("returns_total", "counter", "WHEP sessions begun.", ("", self.returns))
        put("refused_total", "counter", "Requests answered with an error.", ("", self.refused))
        put(
            "peers_lost_total",
            "counter",
            "Peers that went without saying so.",
            ("", self.peers_lost),
        )
        put(
            "facts_lost_total",
            "counter",
            "Facts the journal did not take. Worry: the disk.",
            ("", self.facts_lost),
        )
        put(
            "packets_total",
            "counter",
            "RTP packets from speakers by what became of them.",
            *((f'{{what="{k}"}}', v) for k, v in sorted(sofar.packets.items())),
        )
        for name, value in sorted(gauges.items()):
            put(name, "gauge", name.replace("_", " ").capitalize() + ".", ("", value))
        return "\n".join(out) + "\n"
