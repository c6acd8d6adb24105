"""Players nobody of us has written can play what Samvad puts out."""

import asyncio
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import m3u8
import numpy as np
import pytest

from tests.kit import crowd
from tests.kit.compare import course, follow
from tests.kit.players import ffmpeg_hears, ffprobe, gstreamer_hears
from tests.kit.show import on_air
from tests.kit.site import Site
from tests.kit.sound import RATE, Samples, melody
from tests.kit.until import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

SONG = melody(240, seed=11)


async def test_ffmpeg_gstreamer_and_m3u8_read_the_live_stream(site: Site, folder: Path) -> None:
    async with on_air(site, "Other players", SONG, folder) as (event, voice), crowd.http() as web:
        # Somebody joins from the very start …
        first = await crowd.enter(web, site, event["event"])
        await until(lambda: _holds(web, first, 8), 30, "8 s on air", every=0.25)
        for rendition, codec in (("aac", "aac"), ("opus", "opus")):
            index = urljoin(first, f"{rendition}/index.m3u8")
            told = await ffprobe(index)
            (stream,) = told["streams"]
            assert (stream["codec_name"], stream["sample_rate"]) == (codec, "48000")
        heard = await ffmpeg_hears(first, 8, "-live_start_index", "0")
        at_first = course(follow(heard, SONG))
        assert at_first.covered > 0.95
        assert at_first.skipped_s < 0.1
        assert at_first.stalled_s < 0.1
        assert at_first.first.said_s < 3, "it does not begin at the show's beginning"

        # … and others in the middle of it.
        late = await crowd.enter(web, site, event["event"])
        await until(lambda: _holds(web, late, 20), 40, "20 s on air")
        by_ffmpeg, by_gstreamer = await asyncio.gather(
            ffmpeg_hears(late, 8), gstreamer_hears(late, 8, folder)
        )
        for player, heard in (("ffmpeg", by_ffmpeg), ("GStreamer", by_gstreamer)):
            middle = course(follow(heard, SONG))
            assert middle.covered > 0.9, player
            assert middle.skipped_s < 0.1, player
            assert middle.first.said_s > 8, f"{player} did not join in the middle"
        told = await ffprobe(late)
        assert {s["codec_name"] for s in told["streams"]} >= {"aac"}

        await _renditions_are_aligned(web, late, folder)
        await _every_playlist_parses(web, late)
        assert voice.speaks


async def _holds(web: aiohttp.ClientSession, master: str, seconds: float) -> bool:
    return await crowd.seconds_on_air(web, master) >= seconds


async def _renditions_are_aligned(web: aiohttp.ClientSession, master: str, folder: Path) -> None:
    """Switching between AAC and Opus is inaudible: segments say the same times, to the
    millisecond, and hold the same sound at the same place."""
    aac = await crowd.playlist(web, urljoin(master, "aac/index.m3u8"))
    opus = await crowd.playlist(web, urljoin(master, "opus/index.m3u8"))
    both = [
        {
            aac_or_opus.media_sequence + n: segment
            for n, segment in enumerate(aac_or_opus.segments)
            if segment.uri
        }
        for aac_or_opus in (aac, opus)
    ]
    common = sorted(set(both[0]) & set(both[1]))[-5:]
    assert len(common) == 5
    for msn in common:
        a, b = both[0][msn], both[1][msn]
        assert a.current_program_date_time == b.current_program_date_time
        assert a.duration == b.duration
    sounds = [await _saved(web, [every[msn] for msn in common], folder) for every in both]
    apart = _samples_apart(*sounds)
    print(f"the Opus rendition lies {apart / RATE * 1000:.2f} ms behind the AAC one")
    assert abs(apart) < RATE // 200  # 5 ms


async def _saved(web: aiohttp.ClientSession, segments: list[m3u8.Segment], folder: Path) -> Samples:
    """The sound of segments saved one behind the other, as a player saves them. Neither
    ffprobe nor ffmpeg has anything to remark."""
    whole = b""
    for uri in [segments[0].init_section.absolute_uri, *(s.absolute_uri for s in segments)]:
        async with web.get(uri) as answer:
            assert answer.status == 200
            whole += await answer.read()
    file = folder / "saved.mp4"
    file.write_bytes(whole)
    told = await ffprobe(str(file))
    assert told["streams"][0]["codec_type"] == "audio"
    return await ffmpeg_hears(str(file))


def _samples_apart(a: Samples, b: Samples) -> int:
    """By how many samples `b` comes later than `a`, from the sounds themselves."""
    n = min(len(a), len(b))
    size = 1 << (2 * n).bit_length()
    product = np.fft.irfft(np.conj(np.fft.rfft(a[:n], size)) * np.fft.rfft(b[:n], size), size)
    near = RATE // 4
    around = np.concatenate([product[-near:], product[:near]])
    return int(around.argmax()) - near


async def _every_playlist_parses(web: aiohttp.ClientSession, master: str) -> None:
    """The m3u8 package reads master and media playlists, whole, blocking, and delta updates."""
    variants = await crowd.playlist(web, master)
    assert variants.is_variant
    assert {p.stream_info.codecs for p in variants.playlists} == {"mp4a.40.2", "opus"}
    for variant in variants.playlists:
        whole = await crowd.playlist(web, variant.absolute_uri)
        assert not whole.is_endlist
        assert whole.target_duration == 2
        assert whole.part_inf.part_target == pytest.approx(0.64)
        assert whole.server_control.can_block_reload == "YES"
        assert all(s.current_program_date_time for s in whole.segments if s.uri)
        following = whole.media_sequence + len([s for s in whole.segments if s.uri])
        blocked = await crowd.playlist(web, f"{variant.absolute_uri}?_HLS_msn={following}")
        assert blocked.media_sequence + len([s for s in blocked.segments if s.uri]) > following
        delta = await crowd.playlist(web, f"{variant.absolute_uri}?_HLS_skip=YES")
        assert delta.media_sequence >= whole.media_sequence
        if delta.skip:
            assert delta.skip.skipped_segments > 0
