"""What it costs to put an event on the air, to record it, to resume it and to make its replay.

    python -m bench.recorder       prints a table, writes build/bench/recorder.json

The recording is written to build/bench on the disk that the project lies on: fdatasync
is that disk's figure, not the program's.
"""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from samvad.base.folders import Folders
from samvad.broadcast.broadcast import Broadcast
from samvad.broadcast.encoder import TICK_48K, Pcm, encoders
from samvad.broadcast.packager import Cut, Names, Packager, Start
from samvad.broadcast.recording import INDEX, Recording
from samvad.broadcast.replay import write_replay
from samvad.protocol.media import AAC, PART_48K, RATE, RENDITIONS, Init, Part

EVENT = "bench12345"
OUT = Path("build/bench")
NAMES = Names(EVENT, b"k" * 32, {name: f"init-{name}" for name in RENDITIONS})
HOURS = 2
PACED_S = 20


def talk(seconds: float) -> Pcm:
    """Syllables of filtered noise with pauses: as dense as speech for an encoder."""
    draw = np.random.default_rng(1)
    count = round(seconds * RATE)
    noise = np.fft.rfft(draw.standard_normal(count))
    hz = np.fft.rfftfreq(count, 1 / RATE)
    noise *= 1 / (1 + (hz / 500) ** 2)
    sound = np.fft.irfft(noise, count)
    syllables = np.repeat(draw.random(count // 4800 + 1) > 0.3, 4800)[:count]
    pcm: Pcm = (sound / np.abs(sound).max() * 20_000 * syllables).astype(np.int16)
    return pcm


def ticks(pcm: Pcm) -> Iterator[Pcm]:
    for at in range(0, len(pcm) - TICK_48K + 1, TICK_48K):
        yield pcm[at : at + TICK_48K]


def percent(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def encoding(pcm: Pcm) -> tuple[dict[str, float], dict[str, list[bytes]]]:
    """CPU of each encoder, as a share of a core, and of a tick; and the packets."""
    told: dict[str, float] = {}
    packets: dict[str, list[bytes]] = {}
    for encoder in encoders():
        name, made, spent = encoder.rendition, [], []
        for tick in ticks(pcm):
            began = time.thread_time()
            made += encoder.push(tick)
            spent.append(time.thread_time() - began)
        packets[name] = made
        told[f"{name}_core_percent"] = sum(spent) / (len(pcm) / RATE) * 100
        told[f"{name}_tick_p99_ms"] = percent(spent, 0.99) * 1000
    return told, packets


def packaging(packets: dict[str, list[bytes]], parts: int) -> tuple[float, list[Cut]]:
    """CPU of a cut in microseconds, and `parts` cuts made by repeating the packets."""
    packager = Packager(NAMES, Start())
    cuts: list[Cut] = []
    began = time.process_time()
    at = 0
    while len(cuts) < parts:
        packager.tick(PART_48K, 1_790_000_000_000 + 640 * len(cuts))
        for name, frames in (("aac", 30), ("opus", 32)):
            whole = len(packets[name]) // frames
            start = at % whole * frames
            cuts += packager.push(name, packets[name][start : start + frames])
        at += 1
    return (time.process_time() - began) / parts * 1e6, cuts


def recording(cuts: list[Cut], folder: Path) -> dict[str, float]:
    """Writing a part and making it durable, one by one as on the air."""
    kept = Recording(EVENT, folder)
    kept.begin()
    written, durable, cpu = [], [], []
    for cut in cuts:
        began, spent = time.perf_counter(), time.process_time()
        entry = kept.write(cut)
        between = time.perf_counter()
        kept.keep([entry])
        written.append(between - began)
        durable.append(time.perf_counter() - between)
        cpu.append(time.process_time() - spent)
    kept.release()
    return {
        "write_p50_us": percent(written, 0.5) * 1e6,
        "write_p99_us": percent(written, 0.99) * 1e6,
        "durable_p50_ms": percent(durable, 0.5) * 1e3,
        "durable_p99_ms": percent(durable, 0.99) * 1e3,
        "part_cpu_us": sum(cpu) / len(cpu) * 1e6,
    }


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def long_recording(cuts: list[Cut], folder: Path) -> dict[str, float]:
    """Two hours: opened with its index, opened without it, made into a replay."""
    kept = Recording(EVENT, folder)
    kept.begin()
    for at in range(0, len(cuts), 1000):
        kept.keep([kept.write(cut) for cut in cuts[at : at + 1000]])
    kept.release()
    resume_s, kept = timed(lambda: Recording(EVENT, folder))
    entries = kept.contents.entries
    kept.release()
    replay_s, replay = timed(
        lambda: write_replay(folder / f"{AAC.name}.mp4", entries, folder / "replay.m4a")
    )
    (folder / INDEX).unlink()
    rebuild_s, kept = timed(lambda: Recording(EVENT, folder))
    assert len(kept.contents.entries) == len(cuts)
    kept.release()
    return {
        "hours": replay.duration_ms / 3_600_000,
        "replay_s": replay_s,
        "replay_mb": replay.bytes / 1e6,
        "resume_s": resume_s,
        "resume_without_index_s": rebuild_s,
    }


async def on_the_air(pcm: Pcm, folders: Folders) -> dict[str, float]:
    """At real pace through the whole of Broadcast: CPU, and when a part is there."""
    pushed: list[float] = []
    late: dict[str, list[float]] = {name: [] for name in RENDITIONS}

    def took(message: Init | Part) -> None:
        if isinstance(message, Part):
            last = (message.decode_48k + message.duration_48k) // TICK_48K - 1
            if last < len(pushed):  # else it was completed by the end's silence
                late[message.rendition].append(time.perf_counter() - pushed[last])

    show = await Broadcast.open(EVENT, folders, bytes(32), took)
    began, spent = time.perf_counter(), time.process_time()
    for i, tick in enumerate(ticks(pcm)):
        pushed.append(time.perf_counter())
        show.push(tick, time.time_ns() // 1_000_000)
        await asyncio.sleep(max(0.0, began + 0.02 * (i + 1) - time.perf_counter()))
    cpu = time.process_time() - spent
    await show.finish()
    return {
        "core_percent": cpu / (len(pcm) / RATE) * 100,
        "part_after_last_sample_p50_ms": percent(late["aac"], 0.5) * 1e3,
        "part_after_last_sample_p99_ms": percent(late["aac"], 0.99) * 1e3,
    }


def main() -> dict[str, Any]:
    """Measure, print, write JSON. Takes about half a minute."""
    work = OUT / "recorder"
    shutil.rmtree(work, ignore_errors=True)
    folders = Folders(work)
    folders.make()
    pcm = talk(60)
    figures: dict[str, Any] = {}
    figures["encode"], packets = encoding(pcm)
    parts = round(HOURS * 3600 / (PART_48K / RATE))
    figures["package_part_us"], cuts = packaging(packets, parts)
    figures["record"] = recording(cuts[:200], work / "short")
    figures["long"] = long_recording(cuts, work / "long")
    figures["on_air"] = asyncio.run(on_the_air(pcm[: PACED_S * RATE], folders))
    shutil.rmtree(work)
    (OUT / "recorder.json").write_text(json.dumps(figures, indent=2) + "\n")
    print("One event on the air")
    for group, values in figures.items():
        rows = values if isinstance(values, dict) else {"": values}
        for name, value in rows.items():
            print(f"  {f'{group} {name}'.replace('_', ' '):48} {value:10.2f}")
    return figures


if __name__ == "__main__":
    main()
