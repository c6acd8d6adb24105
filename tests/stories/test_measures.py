"""`samvad speak` and `samvad listen`: two people who report in numbers. And the ending."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit import crowd
from tests.kit.compare import course, find, follow
from tests.kit.players import ffmpeg_hears, ffprobe
from tests.kit.show import on_air
from tests.kit.site import Site
from tests.kit.sound import RATE, melody, read_wav, say, write_wav
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

SPEECH = (
    "Good evening. This is a conversation about bridges. One of us has built forty of them, "
    "and the other one has walked across every single one, in the rain, with a notebook. "
    "We begin with the oldest, which nobody wanted, and which everybody now calls their own."
)


def loudness(file: Path) -> float:
    """Integrated loudness (EBU R 128) as ffmpeg measures it."""
    said = subprocess.run(
        ["ffmpeg", "-nostdin", "-i", str(file), "-af", "ebur128", "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
    ).stderr
    summary = said[said.rindex("Integrated loudness:") :]
    return float(summary.partition("I:")[2].split()[0])


async def listens(site: Site, page: str, seconds: float, wav: Path, *more: str) -> dict[str, Any]:
    """`samvad listen --json` in a process of its own: what it reports."""
    process = await site.start(
        "listen", page, "--for", f"{seconds:g}", "--wav", str(wav), "--json", *more
    )
    out, err = await asyncio.wait_for(process.communicate(), seconds + 90)
    assert process.returncode == 0, f"samvad listen exited with {process.returncode}: {err!r}"
    told: dict[str, Any] = json.loads(out)
    return told


async def test_a_listener_hears_what_the_speaker_said_and_the_figures_are_true(
    site: Site, folder: Path
) -> None:
    speech = say(SPEECH)
    whole = np.concatenate([speech, speech, speech])
    voice_file = write_wav(folder / "speech.wav", whole)
    async with on_air(site, "Bridges", whole, folder) as (event, voice):
        figures = dict(
            zip(
                ("aac", "opus"),
                await asyncio.gather(
                    listens(site, event["page"], 12, folder / "aac.wav"),
                    listens(site, event["page"], 12, folder / "opus.wav", "--rendition", "opus"),
                ),
                strict=True,
            )
        )
        for rendition, told in figures.items():
            print(rendition, told)
            heard = read_wav(folder / f"{rendition}.wav")
            assert told["verdict"] == "admit"
            assert len(heard) / RATE == pytest.approx(told["seconds"], abs=0.5)
            assert told["seconds"] == pytest.approx(12, abs=1)
            assert (told["stalls"], told["stalled_ms"]) == (0, 0)
            # It was the speech, all of it between where it began and where it ended.
            assert find(heard, whole).likeness > 0.9
            assert told["loudness_lufs"] == pytest.approx(loudness(voice_file), abs=3)
            # Part hold-back is three parts of 0.64 s; a first segment more at the most.
            assert 500 < told["latency_ms"] < 5000
            assert told["first_sound_ms"] < 10_000
        assert voice.speaks


async def test_the_end_is_the_end(site: Site, folder: Path) -> None:
    """`event end` ends it, exactly once, and what was said is on its page within seconds."""
    song = melody(60, seed=21)
    async with on_air(site, "The end of it", song, folder) as (event, voice), crowd.http() as web:
        master = await crowd.enter(web, site, event["event"])

        async def on_air_for_9_s() -> bool:
            return await crowd.seconds_on_air(web, master) >= 9

        await until(on_air_for_9_s, 30, "9 s on air", every=0.25)
        shown = await asyncio.to_thread(site.samvad_json, "event", "show", event["event"])
        assert shown["state"] == "live"
        assert shown["replay"] is None

        await asyncio.to_thread(site.samvad, "event", "end", event["event"])
        spoken = await voice.over(20)
        assert spoken["ended"] == "event", "the speaker was not told"

        told = await crowd.state_is(site, event["event"], "ended", within=10)

        async def posted() -> dict[str, Any] | None:
            now = await crowd.state(web, site, event["event"])
            replay: dict[str, Any] | None = now["replay"]
            return replay

        replay = await until(posted, 15, "the replay on its page")
        url = f"{site.gate}{replay['url']}"
        shown = await asyncio.to_thread(site.samvad_json, "event", "show", event["event"])
        assert shown["state"] == "ended"
        assert shown["replay"] == url

        # The recording is what was said, from its first words to the last.
        (stream,) = (await ffprobe(url))["streams"]
        assert (stream["codec_name"], stream["sample_rate"]) == ("aac", "48000")
        recorded = await ffmpeg_hears(url)
        assert len(recorded) / RATE == pytest.approx(replay["duration_ms"] / 1000, abs=0.2)
        heard = course(follow(recorded, song))
        assert heard.first.said_s < 2
        assert heard.covered > 0.95
        assert heard.skipped_s < 0.1
        assert heard.stalled_s < 0.1
        lasted_s = (told["ended_ms"] - told["live_since_ms"]) / 1000
        assert len(recorded) / RATE == pytest.approx(lasted_s, abs=1.5)

        # Players that were listening drain it and stop; new ones are told.
        index = (await crowd.playlist(web, master)).playlists[0].absolute_uri
        assert (await crowd.playlist(web, index)).is_endlist
        refused = await crowd.knock(web, site, event["event"])
        assert refused["verdict"] == "refuse"
        assert refused["reason"] == "ended"
        assert refused["replay"] == replay["url"]

    # Ended once is ended: asking again is no fault, asking for another is.
    await asyncio.to_thread(site.samvad, "event", "end", event["event"])
    said = await asyncio.to_thread(site.samvad, "event", "end", "nosuchevent", ok=False)
    assert "nosuchevent" in said
    assert "Traceback" not in said


async def test_bad_input_is_told_in_a_sentence(site: Site, folder: Path) -> None:
    """Every command says what is wrong and does not exit with 0 nor with a traceback."""
    event = await asyncio.to_thread(site.event, "Bad input")
    good = write_wav(folder / "good.wav", melody(1, seed=1))
    (folder / "noise.wav").write_bytes(b"RIFF but no sound" * 20)
    link = event["studio"]
    for words in (
        ("speak", link, str(folder / "absent.wav")),
        ("speak", link, str(folder / "noise.wav")),
        ("speak", link[:-4] + "AAAA", str(good)),
        ("speak", link.partition("#")[0], str(good)),
        ("speak", f"{site.stage}/whip/nosuchevent", str(good), "--token", "x"),
        ("listen", f"{site.gate}/e/no-such-page", "--for", "1"),
        ("listen", "http://127.0.0.1:9/e/x", "--for", "1"),
        ("event", "create", "--title", ""),
        ("event", "create", "--title", "x", "--starts", "tomorrow"),
        ("event", "create", "--title", "x", "--seats", "0"),
        ("event", "show", "nosuchevent"),
    ):
        said = await asyncio.to_thread(site.samvad, *words, ok=False)
        assert "Traceback" not in said, f"{words}: {said}"
        assert 10 < len(said) < 1200, f"{words}: {said}"
