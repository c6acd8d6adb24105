"""When the generator has to say that it was the limit itself."""

from samvad.rehearsal.health import Health


def _health(late_s: float = 0.001, **about: float) -> Health:
    made = Health(**about)  # type: ignore[arg-type]
    for _ in range(1000):
        made.late.add(late_s)
        made.turn.add(0.002)
    return made


def test_a_healthy_one_has_no_complaints() -> None:
    assert _health(cpu_s=6.0, wall_s=10.0, waited_s=0.5).complaints(1) == []
    assert Health().complaints(1) == []


def test_what_it_complains_of() -> None:
    assert "late: p99" in _health(late_s=0.06).complaints(1)[0]
    assert "no more of its processor" in _health(cpu_s=9.9, wall_s=10.0).complaints(1)[0]
    assert _health(cpu_s=9.9, wall_s=10.0).complaints(2) == []
    assert "waited 8 ms a turn" in _health(waited_s=8.0).complaints(1)[0]
    assert "3 connections" in _health(starved=3).complaints(1)[0]


def test_shards_add_up_and_windows_subtract() -> None:
    one = _health(cpu_s=1.0, wall_s=10.0, waited_s=0.1, starved=1, lines=5, memory_kb=7)
    both = Health.from_json(one.as_json())
    assert both == one
    both.merge(_health(cpu_s=2.0, wall_s=9.0, waited_s=0.2, starved=2, lines=6, memory_kb=8))
    assert (both.cpu_s, both.wall_s, both.starved, both.lines, both.memory_kb) == (3, 10, 3, 11, 15)
    assert both.late.total == 2000
    since = both.since(one)
    assert (since.cpu_s, since.starved, since.lines, since.turn.total) == (2.0, 2, 11, 1000)
