"""The listener against a gate that does what is asked: refusals, lost seats, broken lines."""

import socket
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from samvad.base.errors import PlainError
from samvad.protocol.playlist import Form
from samvad.rehearsal.listener import Listener
from tests.kit.sound import RATE, tone
from tests.live.fake_gate import EVENT, FakeGate
from tests.live.test_rehearsal_sound import fragments_of

pytestmark = pytest.mark.slow

Media = tuple[bytes, list[bytes]]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """30 s of a 440 Hz tone in fragments of 0.64 s, by ffmpeg."""
    file = tmp_path_factory.mktemp("media") / "tone.mp4"
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"),
            *("-c:a", "aac", "-b:a", "64k", "-movflags", "empty_moov+default_base_moof"),
            *("-frag_duration", "640000", str(file)),
        ],
        input=tone(440, 30, 0.2).tobytes(),
        check=True,
        timeout=60,
    )
    return fragments_of(file.read_bytes())


async def test_it_hears_what_is_on_air(media: Media, tmp_path: Path) -> None:
    gate = FakeGate(*media)
    wav = tmp_path / "heard.wav"
    async with gate as url:
        heard = await Listener(url, 4.0, wav=wav).run()
    assert heard.verdict == "admit"
    assert heard.stalls == 0
    assert heard.seconds == pytest.approx(4.0, abs=0.3)
    # Three parts of hold-back, and up to one part that is being made.
    assert heard.latency_ms is not None
    assert 1900 <= heard.latency_ms <= 3200
    assert heard.first_sound_ms is not None
    assert heard.first_sound_ms < 2000
    # A sine of 0.2: -13.98 dBFS peak, mean square 3.01 dB below; K-weighting is about 0 here.
    assert heard.loudness_lufs == pytest.approx(-17.7, abs=0.5)
    with wave.open(str(wav), "rb") as file:
        assert file.getnframes() == pytest.approx(heard.seconds * RATE, abs=RATE * 0.1)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    block = sound[RATE : RATE + 8192] * np.hanning(8192)
    assert np.abs(np.fft.rfft(block)).argmax() * RATE / 8192 == pytest.approx(440, abs=8)


async def test_it_behaves_like_a_player(media: Media) -> None:
    gate = FakeGate(*media)
    async with gate as url:
        await Listener(url, 2.0).run()
    playlists = [a for a in gate.asked if "index.m3u8" in a]
    assert "_HLS_" not in playlists[0]
    assert all("_HLS_msn=" in a and "_HLS_part=" in a for a in playlists[1:])
    parts = [a for a in gate.asked if "/m/p" in a]
    assert len(parts) == len(set(parts)), "no part is asked for twice, hinted ones neither"


async def test_plain_playlists_are_followed_too(media: Media) -> None:
    gate = FakeGate(*media, ahead_s=12.8, form=Form.PLAIN)
    async with gate as url:
        heard = await Listener(url, 5.0).run()
    assert heard.stalls == 0
    assert heard.latency_ms is not None
    assert 6000 <= heard.latency_ms <= 10_000


async def test_a_refusal_is_reported_with_its_reason(media: Media) -> None:
    no = {"verdict": "refuse", "reason": "full", "replay": None, "retry_after_ms": 5000}
    async with FakeGate(*media, verdicts=[no]) as url:
        heard = await Listener(url, 1.0).run()
    assert (heard.verdict, heard.reason, heard.seconds) == ("refuse", "full", 0)


async def test_what_is_over_points_to_its_replay(media: Media) -> None:
    replay = f"/live/{EVENT}/replay.m4a"
    no = {"verdict": "refuse", "reason": "ended", "replay": replay, "retry_after_ms": None}
    async with FakeGate(*media, verdicts=[no]) as url:
        heard = await Listener(url, 1.0).run()
        assert heard.replay == url.replace("/e/fake", replay)


async def test_doors_that_open_soon_are_waited_for(media: Media) -> None:
    no = {"verdict": "refuse", "reason": "not_open", "replay": None, "retry_after_ms": 300}
    gate = FakeGate(*media, verdicts=[no, no])
    async with gate as url:
        heard = await Listener(url, 1.0).run()
    assert heard.verdict == "admit"
    assert heard.doors == 3


async def test_doors_that_open_too_late_are_not_waited_for(media: Media) -> None:
    no = {"verdict": "refuse", "reason": "not_open", "replay": None, "retry_after_ms": 30_000}
    async with FakeGate(*media, verdicts=[no]) as url:
        heard = await Listener(url, 1.0, wait_s=1.0).run()
    assert heard.reason == "not_open"


async def test_with_its_seat_gone_it_knocks_again_and_shows_its_ticket(media: Media) -> None:
    gate = FakeGate(*media, faults=[])
    async with gate as url:
        gate.faults += [410]
        heard = await Listener(url, 2.0).run()
    assert gate.knocks == [{}, {"ticket": "ticket1"}]
    assert heard.seconds == pytest.approx(2.0, abs=0.3)


async def test_a_forged_ticket_is_not_shown_again(media: Media) -> None:
    gate = FakeGate(*media, faults=[403])
    async with gate as url:
        await Listener(url, 1.0).run()
    assert gate.knocks == [{}, {}]


async def test_a_gate_that_restarts_is_found_again(media: Media) -> None:
    gate = FakeGate(*media, faults=[0, 0, 404, 503])
    async with gate as url:
        heard = await Listener(url, 2.0).run()
    assert heard.verdict == "admit"
    assert heard.seconds == pytest.approx(2.0, abs=0.3)


async def test_a_gate_that_is_elsewhere_is_rejoined(media: Media) -> None:
    gate = FakeGate(*media)
    async with gate as url:
        gate.faults += [400]
        heard = await Listener(url, 1.0).run()
    assert heard.seconds == pytest.approx(1.0, abs=0.3)


async def test_it_hears_the_end_to_the_last_sample(media: Media) -> None:
    gate = FakeGate(*media, ends_at=14)
    async with gate as url:
        heard = await Listener(url, None).run()
    assert heard.ended
    assert heard.stalls == 0
    # It joined three parts before the edge (10 parts were made), and 4 more came.
    assert heard.seconds == pytest.approx(7 * 0.64, abs=0.01)


async def test_it_waits_until_it_is_on_air_but_not_for_ever(media: Media) -> None:
    async with FakeGate(*media, state="doors") as url:
        with pytest.raises(PlainError, match="not on air within 1 s"):
            await Listener(url, 1.0, wait_s=1.0).run()


async def test_told_to_stop_it_reports_what_it_has(media: Media) -> None:
    async with FakeGate(*media, state="doors") as url:
        listener = Listener(url, None)
        listener.stop()
        heard = await listener.run()
    assert (heard.verdict, heard.seconds) == ("admit", 0)


async def test_where_nobody_answers_it_says_so() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/e/x"
    with pytest.raises(PlainError, match="cannot be reached"):
        await Listener(url, 1.0).run()


@pytest.mark.parametrize("url", ["", "nonsense", "/e/x", "ftp://example.org/e/x"])
async def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(PlainError, match="is not an address"):
        await Listener(url, 1.0).run()


async def test_a_page_that_is_none_is_said(media: Media) -> None:
    async with FakeGate(*media) as url:
        with pytest.raises(PlainError, match="answered with status 404"):
            await Listener(url + "/elsewhere", 1.0).run()
        with pytest.raises(PlainError, match="is not the page of a conversation"):
            await Listener(url.replace("/e/fake", f"/live/{EVENT}/state.json"), 1.0).run()


async def test_broken_playlists_are_said(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.live.fake_gate.render_media", lambda *a: "#EXTM3U\nnonsense")
    async with FakeGate(*media) as url:
        with pytest.raises(PlainError, match="broken playlist"):
            await Listener(url, 1.0).run()


async def test_a_file_that_cannot_be_written_is_said(media: Media, tmp_path: Path) -> None:
    with pytest.raises(PlainError, match="cannot be written"):
        Listener("http://127.0.0.1:1/", 1.0, wav=tmp_path / "no" / "such.wav")
