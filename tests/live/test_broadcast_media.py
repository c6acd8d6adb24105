"""What comes out, heard by programs that are not ours: whole, in time, without a warning."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from samvad.broadcast.cmaf import init_segment
from samvad.protocol.media import PART_48K, RATE, RENDITIONS, Part
from tests.kit.chromium import chromium
from tests.kit.firefox import firefox
from tests.kit.players import ffmpeg_hears, ffprobe, gstreamer_hears
from tests.kit.programme import cuts, lag_48k, parts
from tests.kit.sound import Samples, melody, say, silence, tone

pytestmark = pytest.mark.slow

CLOSE_48K = 3
"""Opus in its speech mode bends phases by up to two samples (40 µs): nobody hears it."""


@pytest.fixture(scope="module")
def said() -> Samples:
    """Noise-like speech has one sharp correlation peak; 14 s, not a whole number of parts."""
    speech = say("Both renditions are cut at the same sample, " * 12)
    return speech[: 14 * RATE]


@pytest.fixture(scope="module")
def made(said: Samples) -> dict[str, list[Part]]:
    both = cuts(said)
    return {name: parts(name, both) for name in RENDITIONS}


def file(folder: Path, rendition: str, of: list[Part]) -> str:
    path = folder / f"{rendition}.mp4"
    path.write_bytes(init_segment(rendition) + b"".join(part.body for part in of))
    return str(path)


@pytest.mark.parametrize("rendition", list(RENDITIONS))
@pytest.mark.parametrize("first", [0, 3, 7])
async def test_ffprobe_and_ffmpeg_read_it_from_any_part_on(rendition, first, made, said, tmp_path):
    of = made[rendition][first:]
    source = file(tmp_path, rendition, of)
    told = await ffprobe(source)
    (stream,) = told["streams"]
    assert stream["codec_name"] == rendition
    assert (stream["sample_rate"], stream["channels"]) == ("48000", 1)
    assert float(stream["start_time"]) == pytest.approx(first * PART_48K / RATE, abs=1e-6)
    heard = await ffmpeg_hears(source)
    assert len(heard) == len(of) * PART_48K
    assert abs(lag_48k(heard, said[first * PART_48K :])) <= CLOSE_48K


@pytest.mark.parametrize("rendition", list(RENDITIONS))
async def test_gstreamer_reads_it_too(rendition, made, said, tmp_path):
    of = made[rendition]
    source = file(tmp_path, rendition, of)
    heard = await gstreamer_hears(f"file://{source}", len(of) * PART_48K / RATE, tmp_path)
    assert len(heard) == pytest.approx(len(of) * PART_48K, abs=960)
    assert abs(lag_48k(heard, said)) <= CLOSE_48K


async def test_the_renditions_are_aligned_with_each_other(made, tmp_path):
    aac = await ffmpeg_hears(file(tmp_path, "aac", made["aac"]))
    opus = await ffmpeg_hears(file(tmp_path, "opus", made["opus"]))
    for at in range(0, len(aac) - 2 * RATE, 2 * RATE):  # at the end as at the beginning
        piece = slice(at, at + 2 * RATE)
        assert abs(lag_48k(aac[piece], opus[piece])) <= CLOSE_48K


async def test_each_part_decodes_by_itself(made, tmp_path):
    """A player may begin at any part (EXT-X-PART …,INDEPENDENT=YES)."""
    for rendition in RENDITIONS:
        heard = await ffmpeg_hears(file(tmp_path, rendition, made[rendition][9:10]))
        assert len(heard) == PART_48K
        assert np.abs(heard).max() > 0.05


async def test_no_segment_is_larger_than_the_master_playlist_says():
    """BANDWIDTH bounds every segment's bit rate (RFC 8216bis, 4.4.6.2)."""
    noise = np.random.default_rng(1).normal(0, 0.2, 10 * RATE)
    syllables = np.tile(np.repeat([1, 0], RATE // 10), 50)
    sound = np.concatenate(
        [
            say("Now and then somebody laughs, and somebody shouts."),
            silence(3),
            melody(10, 1),
            tone(440, 4),
            noise.astype(np.float32),
            (noise * syllables).astype(np.float32),
        ]
    )
    both = cuts(sound)
    for name, about in RENDITIONS.items():
        sizes = [len(p.body) for p in parts(name, both)]
        segments = [sum(sizes[i : i + 3]) for i in range(0, len(sizes) - 2, 3)]
        assert max(segments) * 8 * RATE / (3 * PART_48K) < about.bandwidth


async def test_talk_has_the_average_rate_that_the_master_playlist_says():
    """Talk as it is: sentences, and a quarter of the time nobody says anything."""
    sentence = say("When the doors open, everybody is there in the same minute.")
    both = cuts(np.tile(np.concatenate([sentence, silence(len(sentence) / RATE / 3)]), 6))
    for name, about in RENDITIONS.items():
        sizes = [len(p.body) for p in parts(name, both)]
        average = sum(sizes) * 8 * RATE / (len(sizes) * PART_48K)
        assert 0.6 * about.average_bandwidth < average < about.average_bandwidth


# Plays parts by Media Source Extensions and returns what is heard, sample by sample.
PLAYER = """async ([init, parts, type, from, seconds]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const event = (on, name) => new Promise((done) => on.addEventListener(name, done, {once: true}));
  const source = new MediaSource(), audio = new Audio(URL.createObjectURL(source));
  await event(source, "sourceopen");
  const buffer = source.addSourceBuffer(type);
  for (const body of [init, ...parts]) {
    buffer.appendBuffer(bytes(body));
    await event(buffer, "updateend");
  }
  const ranges = [];
  for (let i = 0; i < buffer.buffered.length; i++)
    ranges.push([buffer.buffered.start(i), buffer.buffered.end(i)]);
  const context = new AudioContext({sampleRate: 48000}), heard = [];
  const tap = context.createScriptProcessor(4096, 1, 1);
  tap.onaudioprocess = (e) => heard.push(e.inputBuffer.getChannelData(0).slice());
  context.createMediaElementSource(audio).connect(tap).connect(context.destination);
  await context.resume();
  const sought = event(audio, "seeked");
  audio.currentTime = from;
  await sought;
  await audio.play();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  audio.pause();
  const all = new Uint8Array(await new Blob(heard).arrayBuffer());
  let text = "";
  for (let at = 0; at < all.length; at += 32768)
    text += String.fromCharCode(...all.subarray(at, at + 32768));
  return [ranges, btoa(text), audio.error ? audio.error.message : ""];
}"""


async def test_a_browser_hears_the_same_sample_at_the_same_time_in_both(said):
    """Media Source Extensions would trim Opus by a pre-skip, and AAC not at all.

    Playback begins with a jump to 2.000 s in a faint tone, so the first sample that is not
    silence is the one at 2.000 s; speech stands 0.5 s later.
    """
    sound = np.tile(np.sin(2 * np.pi * 750 / RATE * np.arange(RATE)) * 0.02, 8).astype(np.float32)
    speech = said[RATE : 2 * RATE]
    sound[round(2.5 * RATE) : round(3.5 * RATE)] += speech
    both, places = cuts(sound), {}
    async with chromium() as browser:
        page = await browser.page("about:blank")
        for name, about in RENDITIONS.items():
            bodies = [base64.b64encode(p.body).decode() for p in parts(name, both)[3:]]
            init = base64.b64encode(init_segment(name)).decode()
            kind = f'audio/mp4; codecs="{about.codecs}"'
            ranges, text, error = await page.evaluate(PLAYER, [init, bodies, kind, 2.0, 2.5])
            assert not error
            assert len(ranges) == 1, "one range without a hole"
            assert ranges[0] == pytest.approx([3 * 0.64, len(both) * 0.64], abs=0.001)
            heard = np.frombuffer(base64.b64decode(text), "<f4")
            begin = int(np.argmax(np.abs(heard) > 0.002))
            places[name] = lag_48k(heard, speech) - begin
        browser.no_complaints()
    wanted = round(0.5 * RATE)
    assert all(abs(place - wanted) <= 16 for place in places.values()), places


# Firefox without a sound card plays nothing; what it decodes of a file shows what it trims.
DECODER = """(async ([init, parts]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const file = await new Blob([init, ...parts].map(bytes)).arrayBuffer();
  const context = new OfflineAudioContext(1, 48000, 48000);
  const decoded = await context.decodeAudioData(file);
  const all = new Uint8Array(decoded.getChannelData(0).slice().buffer);
  let text = "";
  for (let at = 0; at < all.length; at += 32768)
    text += String.fromCharCode(...all.subarray(at, at + 32768));
  return btoa(text);
})"""


async def test_firefox_trims_nothing_either(made, said):
    async with firefox() as browser:
        page = await browser.page("about:blank")
        for name in RENDITIONS:
            some = made[name][3:8]
            bodies = [base64.b64encode(p.body).decode() for p in some]
            arguments = json.dumps([base64.b64encode(init_segment(name)).decode(), bodies])
            heard = np.frombuffer(
                base64.b64decode(await page.evaluate(f"{DECODER}({arguments})")), "<f4"
            )
            assert len(heard) == len(some) * PART_48K
            assert abs(lag_48k(heard, said[3 * PART_48K : 8 * PART_48K])) <= CLOSE_48K
