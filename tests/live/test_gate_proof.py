"""What a rehearsal has proven bounds the door of real gates."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from samvad.base.settings import load
from samvad.protocol import certificate as certificates
from samvad.protocol.certificate import Place
from samvad.protocol.proven import here
from tests.kit.gates import EVENT, LOOKS, a_plan, running_gates
from tests.kit.until import until_now

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]


def test_the_door_takes_its_limits_from_a_certificate(tmp_path: Path) -> None:
    with running_gates(tmp_path, 2, {"SAMVAD_GATE_SEATS": "7"}) as gates:
        gates.plans.write(a_plan(seats=0))
        until_now(lambda: gates.get("/e/a-talk").status == 200, 5, "no page")

        path = f"/live/{EVENT}/state.json"

        def agree(what: Callable[[int, Any], bool]) -> None:
            """Both processes say so; each looks every two seconds."""
            until_now(lambda: all(what(*said()) for _ in range(LOOKS)), 15, lambda: str(said()))

        def said() -> tuple[int, Any]:
            told = until_now(lambda: (r := gates.get(path)).status == 200 and r, 5, "no event").json
            return told["counts"]["seats"], told["certificate"]

        agree(lambda seats, proof: (seats, proof) == (7, None))  # careful: nothing is proven
        settings = dataclasses.asdict(load(tmp_path, env=gates.env).gate)
        place = here(settings)

        def prove(place: Place, seats: int) -> None:
            won = certificates.proven(
                EVENT,
                seats=seats,
                joins_per_s=40.0,
                knee=True,
                scenario="herd",
                at_ms=5,
                place=place,
                promise={},
            )
            file = gates.folders.certificate(EVENT)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(certificates.write(gates.secret, won))

        prove(place, 40)
        agree(lambda seats, proof: (seats, bool(proof)) == (30, True))
        told = said()[1]
        assert (told["joins_per_s"], told["scenario"], told["notice"]) == (30.0, "herd", "")
        # A host may have less than is proven, and no more.
        for asked, has in ((12, 12), (5000, 30)):
            gates.plans.write(a_plan(seats=asked, revision=asked))
            agree(lambda seats, _, has=has: seats == has)
        # Won with another version: the host's word counts again, and the console says why.
        prove(dataclasses.replace(place, version="0.0.0"), 4000)
        agree(lambda seats, proof: seats == 5000 and "version 0.0.0" in str(proof))
        gates.folders.certificate(EVENT).write_text("{}")
        agree(lambda seats, proof: seats == 5000 and "does not hold" in str(proof))
