"""A real gate: while a conversation is withheld nothing of it is given out, and then again."""

from pathlib import Path

import pytest

from tests.kit.gates import EVENT, a_plan, running_gates
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]


def test_a_recording_that_is_withheld_and_given_back(tmp_path: Path) -> None:
    with running_gates(tmp_path) as gates:
        path = gates.folders.replay(EVENT)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound" * 100)
        recording, state = f"/live/{EVENT}/replay.m4a", f"/live/{EVENT}/state.json"

        def becomes(status: int, told: str) -> None:
            until_now(
                lambda: (
                    gates.get(recording).status == status and gates.get(state).json["state"] == told
                ),
                20,
                lambda: f"{gates.get(recording).status} {gates.get(state).body!r}",
            )

        gates.plans.write(a_plan(ended=True))
        until_now(lambda: gates.get(state).status == 200, 20, "the plan is not taken")
        becomes(200, "ended")
        gates.plans.write(a_plan(ended=True, withheld=True, revision=2))
        becomes(410, "cancelled")
        gates.plans.write(a_plan(ended=True, revision=3))
        becomes(200, "ended")
