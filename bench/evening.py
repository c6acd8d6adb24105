"""An evening in real processes: 20,000 people in ten seconds at a door with 12,000 seats.

    python -m bench.evening                     2,000 people, a minute
    python -m bench.evening --listeners 20000   the whole

8 of 20 wait, then 3 leave and 3 come in, then one gate process is killed with SIGKILL and started
again. The crowd has a core of its own where there are two. Writes build/bench/evening.json.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from samvad.rehearsal.tally import DOOR
from tests.kit.evening import BACK_S, spend

OUT = Path("build/bench/evening.json")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.evening", description="A door with a line.")
    parser.add_argument("--listeners", type=int, default=2_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="what was seen each second")
    asked = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:  # the gates inherit the first, the crowd gets the last
        os.sched_setaffinity(0, {cores[0]})
    with tempfile.TemporaryDirectory(prefix="samvad-evening-") as folder:
        seen = spend(Path(folder), asked.listeners, asked.processes, cores[-1:])
    if asked.verbose:
        print("\n".join(seen.rows), file=sys.stderr)
    left = seen.moved.moved_up - seen.full.moved_up
    numbers, door = seen.end.numbers["anyone"], seen.end.of(DOOR)
    told = {
        "listeners": seen.listeners,
        "seats": seen.seats,
        "playing_when_full": seen.full.playing_now,
        "waiting_when_full": seen.full.in_line_now,
        "numbers_given_twice": numbers.twice,
        "numbers_out_of_order": seen.end.out_of_order + seen.end.renumbered,
        "left_and_came_in": left,
        "playing_before_the_kill": seen.killed.playing_now,
        f"playing_{BACK_S:g}_s_after_it": seen.back.playing_now,
        "seats_held_at_most": seen.most_admitted,
        "stalls_before_the_kill": seen.killed.stalls,
        "errors_before_the_kill": seen.killed.errors,
        "errors_in_all": seen.end.errors,
        "door_ms": {p: round(door.percentile(p / 100) * 1000, 1) for p in (50, 99)},
        "first_sound_p99_ms": round(seen.full.first_sound.percentile(0.99) * 1000),
        "generator": seen.health.complaints(1) or "healthy",
    }
    for name, value in told.items():
        print(f"{name.replace('_', ' '):32} {value}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
