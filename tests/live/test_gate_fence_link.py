"""A gate's word to the fence: what is not taken is said again."""

import contextlib
import socket
from pathlib import Path

from samvad.base.clock import Moment
from samvad.base.settings import AttackSettings
from samvad.gate.counters import INDEX, Counters
from samvad.gate.fence import read
from samvad.gate.guard import Guard

OFFENDERS = [f"203.0.113.{number}" for number in range(1, 251)]


def test_word_of_a_banned_source_that_comes_again_is_repeated_until_it_is_taken(
    tmp_path: Path,
) -> None:
    (tmp_path / "attack").mkdir()
    counters, path = Counters(tmp_path / "counters"), tmp_path / "fence.sock"
    guard = Guard(AttackSettings(), 100, counters, run=tmp_path, fence=path)
    assert guard.bans is not None

    def judge(now: float) -> int:
        """Judge once; how many were handed over until now."""
        for _ in guard.judge_all(Moment(now, int(now * 1000))):
            pass
        return counters.values[INDEX["fenced"]]

    try:
        for source in OFFENDERS:
            guard.bans.ban(source, 100.0, 60.0)
        guard.look(100.0)
        assert judge(100.5) == 0  # none of them has come again
        for source in OFFENDERS:
            guard.books.of(source, 101.0).tally.turned = 20
        assert judge(101.0) == 0  # nobody listens
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as helper:
            helper.bind(str(path))
            helper.setblocking(False)
            while True:  # a helper that is busy: its queue is full
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
                    other.setblocking(False)
                    try:
                        other.sendto(b"", str(path))
                    except BlockingIOError:
                        break
            assert judge(101.5) == 0
            assert not any(_words(helper))
            assert judge(102.0) == len(OFFENDERS)
            told = [ask.source for word in _words(helper) for ask in read(word)]
            assert sorted(told) == sorted(OFFENDERS)
            assert judge(102.5) == len(OFFENDERS)  # each of them once
            assert not _words(helper)
    finally:
        guard.close()
        counters.end()


def _words(helper: socket.socket) -> list[bytes]:
    """All that has come."""
    words = []
    with contextlib.suppress(BlockingIOError):
        while True:
            words.append(helper.recv(1 << 16))
    return words
