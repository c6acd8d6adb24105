"""Proof of work at the door, checked with ALTCHA's own solver."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import altcha
import pytest

from samvad.gate.spent import Spent
from samvad.gate.toll import LEVELS, Toll, level_for

SECRET = b"s" * 32


def now_ms() -> int:
    return int(time.time() * 1000)


def solved(challenge: str) -> str:
    one = altcha.Challenge.from_dict(json.loads(challenge))
    solution = altcha.solve_challenge(one)
    assert solution is not None
    return str(altcha.Payload(one, solution).to_base64())


def changed(proof: str, **parameters: Any) -> str:
    told = json.loads(base64.b64decode(proof))
    told["challenge"]["parameters"] |= parameters
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.fixture
def toll(tmp_path: Path) -> Toll:
    return Toll(SECRET, "event", Spent(tmp_path / "spent"))


def test_a_proof_is_good_once_at_all_gates(toll: Toll, tmp_path: Path) -> None:
    proof = solved(toll.ask(1, now_ms()))
    other = Toll(SECRET, "event", Spent(tmp_path / "spent"))
    assert toll.good(proof)
    assert not toll.good(proof)
    assert not other.good(proof)
    assert other.good(solved(other.ask(2, now_ms())))


def test_each_challenge_is_another_and_as_hard_as_asked(toll: Toll) -> None:
    asked = {toll.ask(level, now_ms()) for level in range(1, len(LEVELS) + 1) for _ in range(3)}
    assert len(asked) == 3 * len(LEVELS)
    hardest = json.loads(toll.ask(len(LEVELS), now_ms()))["parameters"]
    assert (hardest["keyPrefix"], hardest["cost"]) == ("000", 400)


def test_proofs_of_others_old_ones_and_easier_ones_are_refused(toll: Toll, tmp_path: Path) -> None:
    proof = solved(toll.ask(1, now_ms()))
    assert not Toll(SECRET, "another", Spent(tmp_path / "spent")).good(proof)
    assert not Toll(b"t" * 32, "event", Spent(tmp_path / "spent")).good(proof)
    assert not toll.good(changed(proof, keyPrefix="0", cost=1))
    assert not toll.good(changed(proof, expiresAt=now_ms()))
    assert not toll.good(solved(toll.ask(1, now_ms() - 301_000)))
    assert toll.good(proof)


@pytest.mark.parametrize(
    "proof",
    ["", "x", "e30=", "WzFd", "bnVsbA==", base64.b64encode(b"[" * 900).decode(), "A" * 9_999],
)
def test_nonsense_is_refused(toll: Toll, proof: str) -> None:
    assert not toll.good(proof)


def test_difficulty_follows_the_load_of_the_door() -> None:
    levels = [level_for(knocks, 50.0) for knocks in (0, 50, 100, 400, 1_600, 1e6)]
    assert levels == [1, 1, 2, 4, 6, len(LEVELS)]
