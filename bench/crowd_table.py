"""What bench/crowd.py found, as a table: the middle of all rounds of a server and a size."""

import statistics
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Run:
    """One server under one crowd. Times in ms, processor time in µs."""

    server: str
    listeners: int
    object_s: float
    seconds: float
    playing: int = 0
    requests_per_s: float = 0.0
    cpu_us_per_listener_s: float = 0.0
    cpu_us_per_request: float = 0.0
    cpu_share: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    late: int = 0
    stalls: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    errors_before: dict[str, int] = field(default_factory=dict)
    """While the crowd came, which is not what is measured."""
    kb_per_listener: float = 0.0
    generator_cpu_share: float = 0.0
    generator_us_per_request: float = 0.0
    generator_late_p99: float = 0.0
    generator_complaints: list[str] = field(default_factory=list)

    def middle_of(self, name: str, runs: "list[Run]") -> float:
        """The median of a figure over the runs of this one's server and size."""
        return float(
            statistics.median(
                getattr(run, name)
                for run in runs
                if (run.server, run.listeners) == (self.server, self.listeners)
            )
        )


def print_ceiling(runs: list[Run]) -> None:
    head = ("listeners", "wanted/s", "req/s", "gen CPU", "µs/req", "own p99", "server", "p99")
    print("{:>9} {:>8} {:>7} {:>8} {:>7} {:>8} {:>6} {:>9}  says".format(*head))
    for r in runs:
        says = "; ".join(r.generator_complaints) or "healthy"
        print(
            f"{r.listeners:9,} {r.listeners / r.object_s:8,.0f} {r.requests_per_s:7,.0f} "
            f"{r.generator_cpu_share:8.0%} {r.generator_us_per_request:7.1f} "
            f"{r.generator_late_p99:6.1f}ms {r.cpu_share:6.0%} {r.p99:7.1f}ms  {says}"
        )


def print_runs(runs: list[Run]) -> None:
    """Servers beside one another, size by size; "of nginx": processor time of a listener."""
    head = ("server", "listeners", "req/s", "µs/l·s", "of nginx", "µs/req", "CPU", "p50", "p99")
    print(
        "{:17} {:>9} {:>7} {:>7} {:>8} {:>7} {:>5} {:>8} {:>9}".format(*head)
        + f" {'p99.9':>9} {'late':>7} {'stalls':>6} {'errors':>6} {'kB each':>7}  generator"
    )
    keys = dict.fromkeys((r.listeners, r.server) for r in runs)
    for size, server in sorted(keys, key=lambda key: key[0]):
        same = [r for r in runs if (r.server, r.listeners) == (server, size)]
        nginx = [r for r in runs if (r.server, r.listeners) == ("nginx", size)]
        _print_row(same, nginx, runs)


def _print_row(same: list[Run], nginx: list[Run], runs: list[Run]) -> None:
    first = same[0]

    def middle(name: str) -> float:
        return first.middle_of(name, runs)

    share = ""
    if nginx:
        cost = nginx[0].middle_of("cpu_us_per_listener_s", runs)
        share = f"{middle('cpu_us_per_listener_s') / max(cost, 1e-9):.2f}"
    complaints = sorted({c for r in same for c in r.generator_complaints})
    print(
        f"{first.server:17} {first.listeners:9,} {middle('requests_per_s'):7,.0f} "
        f"{middle('cpu_us_per_listener_s'):7.2f} {share:>8} {middle('cpu_us_per_request'):7.1f} "
        f"{middle('cpu_share'):5.0%} {middle('p50'):6.2f}ms {middle('p99'):7.1f}ms "
        f"{middle('p999'):7.1f}ms {sum(r.late for r in same):7} "
        f"{sum(r.stalls for r in same):6} {sum(sum(r.errors.values()) for r in same):6} "
        f"{middle('kb_per_listener'):7.2f}  {middle('generator_cpu_share'):.0%}, "
        f"late p99 {middle('generator_late_p99'):.1f}ms {'; '.join(complaints)}"
    )
    for when, kinds in (
        ("errors", [r.errors for r in same]),
        ("errors while they came, before it was measured", [r.errors_before for r in same]),
    ):
        of: Counter[str] = sum(map(Counter, kinds), Counter())
        if of:
            said = ", ".join(f"{count:,} × {kind}" for kind, count in of.most_common())
            print(f"{'':17} {when}: {said}")
