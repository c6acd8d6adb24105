"""Videos by the child that makes them: good ones are played by others, broken ones end in words."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.kit import hostile

pytestmark = pytest.mark.slow


def film(path: Path, seconds: float = 2.0, size: tuple[int, int] = (320, 180), **more: Any) -> Path:
    """A small film with a tone; `sound=False`: without. `form`, `codec`: of the file."""
    with av.open(str(path), "w", format=more.get("form", "mp4")) as out:
        picture = out.add_stream(more.get("codec", "libx264"), rate=30)
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        sound = out.add_stream("aac", rate=48_000) if more.get("sound", True) else None
        if place := more.get("place"):
            out.metadata["location"] = place
            out.metadata["comment"] = place
        for n in range(int(seconds * 30)):
            shade = np.full((size[1], size[0], 3), n * 4 % 256, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 30)
            out.mux(picture.encode(frame))
        out.mux(picture.encode(None))
        if sound is not None:
            for n in range(int(seconds * 48_000 / 1024)):
                wave = np.sin(np.arange(n * 1024, n * 1024 + 1024) / 20).astype(np.float32)
                tone = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
                tone.sample_rate, tone.pts = 48_000, n * 1024
                out.mux(sound.encode(tone))
            out.mux(sound.encode(None))
    return path


def transcode(source: Path, folder: Path, longest: int = 60) -> tuple[int, dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    run = subprocess.run(
        [sys.executable, "-m", "samvad.posts.transcode", str(source), str(folder), str(longest)],
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    lines = run.stdout.decode().splitlines()
    return run.returncode, json.loads(lines[-1]) if lines else {}


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe says, which is not ours."""
    run = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)],
        capture_output=True, check=True,
    )  # fmt: skip
    assert not run.stderr, run.stderr
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize(
    ("form", "codec", "size", "sound"),
    [
        ("mp4", "libx264", (320, 180), True),
        ("webm", "libvpx", (180, 320), False),
        ("matroska", "mpeg4", (322, 182), True),
        ("mov", "mpeg4", (2600, 1400), False),
    ],
)
def test_a_film_becomes_what_browsers_play(tmp_path, form, codec, size, sound):
    place = "+23.0225+072.5714/"
    source = film(tmp_path / "in", 2, size, form=form, codec=codec, sound=sound, place=place)
    code, said = transcode(source, tmp_path / "out")
    assert code == 0, said
    done = said["done"]
    assert abs(done["duration_ms"] - 2000) <= 100
    assert max(done["width"], done["height"]) <= 1280
    assert done["width"] % 2 == done["height"] % 2 == 0
    assert abs(done["width"] / done["height"] - size[0] / size[1]) < 0.03
    for name in ("video.mp4", "hls.m3u8"):
        told = probe(tmp_path / "out" / name)
        codecs = {s["codec_type"]: s["codec_name"] for s in told["streams"]}
        assert codecs == {"video": "h264"} | ({"audio": "aac"} if sound else {})
        assert abs(float(told["format"]["duration"]) - 2) < 0.2
    mp4 = (tmp_path / "out" / "video.mp4").read_bytes()
    assert mp4.index(b"moov") < mp4.index(b"mdat")  # playable while it comes
    assert place.encode() not in mp4
    assert (tmp_path / "out" / "poster.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


def _bad(folder: Path) -> dict[str, tuple[bytes, str]]:
    good = film(folder / "good.mp4").read_bytes()
    only_sound = folder / "sound.mp4"
    with av.open(str(only_sound), "w") as out:
        stream = out.add_stream("aac", rate=48_000)
        for n in range(20):
            tone = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            tone.sample_rate, tone.pts = 48_000, n * 1024
            out.mux(stream.encode(tone))
        out.mux(stream.encode(None))
    return {
        "empty": (b"", "unreadable"),
        "nonsense": (bytes(range(256)) * 100, "unreadable"),
        "html": (hostile.HTML, "unreadable"),
        "svg": (hostile.SVG, "unreadable"),
        "a photo": (hostile.picture(), "unreadable"),
        "a playlist that names a file": (hostile.PLAYLIST, "unreadable"),
        "a list that names a file": (hostile.CONCAT, "unreadable"),
        "without its index": (good[: len(good) // 2], "unreadable"),
        "only sound": (only_sound.read_bytes(), "no_picture"),
    }


def test_what_is_no_film_is_refused_with_a_reason(tmp_path):
    for name, (data, why) in _bad(tmp_path).items():
        (tmp_path / "in").write_bytes(data)
        assert transcode(tmp_path / "in", tmp_path / "out") == (1, {"failed": why}), name
    code, said = transcode(film(tmp_path / "long.mp4", 9), tmp_path / "out", longest=5)
    assert (code, said) == (1, {"failed": "long"})


def test_a_film_with_holes_is_made_of_what_is_left(tmp_path):
    source = film(tmp_path / "in", 3, form="matroska")
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    source.write_bytes(data)
    code, said = transcode(source, tmp_path / "out")
    assert (code == 0 and said["done"]["duration_ms"] > 500) or said == {"failed": "unreadable"}
