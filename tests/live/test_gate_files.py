"""What a gate reads from disk or shares through it: the front end, the recording, counters."""

import struct
from pathlib import Path

import pytest

from samvad.gate.answers import REFUSALS
from samvad.gate.assets import Assets
from samvad.gate.counters import Counters, read
from samvad.gate.http1 import Fields
from samvad.gate.replay import ReplayFile, duration_ms
from samvad.protocol.room import Replay
from tests.pure.test_gate_answers import header


def test_assets_follow_the_build(tmp_path: Path) -> None:
    assets = Assets(tmp_path / "absent")
    assert not assets.refresh()
    assets = Assets(tmp_path)
    (tmp_path / "fonts").mkdir()
    (tmp_path / "event-1.js").write_text("let a = 1;\n" * 100)
    (tmp_path / "fonts" / "noto.woff2").write_bytes(b"wOF2")
    (tmp_path / "manifest.json").write_text('{"event.js": "event-1.js"}')
    assert assets.refresh()
    assert not assets.refresh()
    script = assets.files[b"/a/event-1.js"].answer(Fields(gzip=True))
    assert header(script, "Content-Type") == "text/javascript; charset=utf-8"
    assert "immutable" in str(header(script, "Cache-Control"))
    assert b"/a/fonts/noto.woff2" in assets.files
    (tmp_path / "event-2.js").write_text("let a = 2;")
    (tmp_path / "manifest.json").write_text('{"event.js": "event-2.js", "x": "y"}')
    assert assets.refresh()
    assert {b"/a/event-1.js", b"/a/event-2.js"} <= set(assets.files)


# -- the recording ----------------------------------------------------------------------------


def _mp4(mvhd: bytes) -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), kind) + body

    return (
        box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", box(b"mvhd", mvhd)) + box(b"mdat", b"x" * 99)
    )


def test_the_recording_appears_and_tells_its_length(tmp_path: Path) -> None:
    path = tmp_path / "replay.m4a"
    replay = ReplayFile(path)
    assert replay.look(0.0) is None
    assert replay.answer(Fields(), 0.0) is REFUSALS[404]
    path.write_bytes(_mp4(struct.pack(">IIIII", 0, 1, 2, 48_000, 48_000 * 3) + bytes(80)))
    assert replay.look(0.5) is None  # asked again after a second only
    found = replay.look(1.5)
    assert found == Replay(path.stat().st_size, 3_000)
    whole = replay.answer(Fields(), 1.5)
    assert whole.span is not None
    assert whole.span.length == found.bytes
    part = replay.answer(Fields(range=b"bytes=-10"), 1.5)
    assert part.status == 206
    assert part.span is not None
    assert (part.span.start, part.span.length) == (found.bytes - 10, 10)
    assert replay.answer(Fields(range=b"bytes=999999-"), 1.5).status == 416


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (_mp4(struct.pack(">IQQIQ", 1 << 24, 1, 2, 1000, 7_000) + bytes(80)), 7_000),
        (_mp4(struct.pack(">IIIII", 0, 1, 2, 0, 9) + bytes(80)), None),
        (b"", None),
        (b"not an mp4 at all, but long enough for a box", None),
        (struct.pack(">I4s", 0, b"free") + bytes(40), None),
    ],
)
def test_duration_of_an_mp4(tmp_path: Path, raw: bytes, expected: int | None) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(raw)
    with open(path, "rb") as file:
        assert duration_ms(file.fileno()) == expected


def test_counters_are_seen_by_others_and_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "gate-0"
    counters = Counters(path)
    counters.add("requests", 5)
    counters.set("connections_open", 3)
    counters.beat(100.0)
    seen = read(path, 101.0)
    assert seen is not None
    assert seen.fresh
    assert (seen.values["requests"], seen.values["connections_open"]) == (5, 3)
    stale = read(path, 106.0)
    assert stale is not None
    assert not stale.fresh
    again = Counters(path)
    again.add("requests")
    again.beat(100.0)
    seen = read(path, 101.0)
    assert seen is not None
    assert (seen.values["requests"], seen.values["connections_open"]) == (6, 0)


def test_a_counter_file_of_another_layout_is_no_reading(tmp_path: Path) -> None:
    (tmp_path / "gate-0").write_bytes(b"something else")
    assert read(tmp_path / "gate-0", 1.0) is None
    assert read(tmp_path / "absent", 1.0) is None
    assert Counters(tmp_path / "gate-0").values[0] == 0
