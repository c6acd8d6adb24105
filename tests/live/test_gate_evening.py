"""An evening at the door of real processes, small: `python -m bench.evening` has it full-size."""

from pathlib import Path

import pytest

from tests.kit.evening import spend


@pytest.mark.slow
@pytest.mark.xdist_group("gate")
def test_an_evening_of_more_people_than_seats(tmp_path: Path) -> None:
    seen = spend(tmp_path, listeners=600)
    told = "\n".join(seen.rows)
    waiting = seen.listeners - seen.seats
    # As many play as there are seats; the others wait, each with a number of their own.
    assert seen.full.playing_now == seen.seats, told
    assert seen.full.in_line_now == waiting, told
    assert seen.full.refusals == {}, told
    numbers = seen.end.numbers["anyone"]
    assert numbers.twice == 0, told
    # Who leaves makes room for as many, and no more.
    left = seen.moved.moved_up - seen.full.moved_up
    assert left == pytest.approx(seen.leavers, rel=0.4), told
    assert seen.moved.in_line_now == waiting - left, told
    assert seen.moved.playing_now == seen.seats, told
    assert seen.end.out_of_order == seen.end.renumbered == 0, told
    assert seen.most_admitted <= seen.seats, told
    # Whose gate was killed is back with the same seat.
    assert seen.back.playing_now >= seen.seats - 1, told
    assert seen.counts["admitted"] == seen.seats, told
    before_the_kill = {k: n for k, n in seen.killed.errors.items() if n}
    assert before_the_kill == {}, told
    assert seen.killed.stalls == 0, told
