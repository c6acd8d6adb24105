"""Players that are not ours: ffprobe, ffmpeg, GStreamer. Every warning of theirs fails."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from tests.kit.sound import Samples, decode

_OF_EVERY_LIVE_STREAM = re.compile(
    r"\[mov,mp4,[^\]]*\] Found duplicated MOOV Atom\. Skipped it| +Last message repeated \d+ times"
)
"""What ffmpeg says of any live fMP4 playlist, of those it wrote itself too: at each reload it
takes EXT-X-MAP for a new one and fetches it again (seen with 5.1). A file never provokes it."""


class PlayerError(AssertionError):
    """The player failed or warned; carries its words."""


async def run(*words: str, within: float = 120.0) -> tuple[bytes, str]:
    """Run a program to its end: (stdout, stderr). Raises PlayerError on another status than 0."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    said = err.decode(errors="replace")
    if process.returncode:
        raise PlayerError(f"{' '.join(words)} exited with {process.returncode}:\n{said}")
    return out, said


async def ffprobe(source: str, *more: str, within: float = 60.0) -> Any:
    """Streams and format of a file or URL. Raises PlayerError on any warning."""
    words = ("ffprobe", "-v", "warning", "-of", "json", "-show_streams", "-show_format")
    out, said = await run(*words, *more, source, within=within)
    if said.strip():
        raise PlayerError(f"ffprobe warns of {source}:\n{said}")
    return json.loads(out)


async def ffmpeg_hears(
    source: str, seconds: float | None = None, *before: str, within: float = 120.0
) -> Samples:
    """What ffmpeg decodes from a file or URL. Raises PlayerError on any warning.

    `before` stands before the input (as -live_start_index N).
    """
    length = () if seconds is None else ("-t", f"{seconds:g}")
    out, said = await run(
        *("ffmpeg", "-nostdin", "-v", "warning", *before, "-i", source, *length),
        *("-vn", "-c:a", "pcm_s16le", "-f", "wav", "pipe:1"),
        within=within,
    )
    live = source.partition("?")[0].endswith(".m3u8")
    warnings = [x for x in said.splitlines() if not (live and _OF_EVERY_LIVE_STREAM.fullmatch(x))]
    if warnings:
        raise PlayerError(f"ffmpeg warns of {source}:\n{said}")
    return await asyncio.to_thread(decode, out)


async def gstreamer_hears(url: str, seconds: float, folder: Path, within: float = 120.0) -> Samples:
    """What GStreamer's own HLS demuxer plays of a URL in the first `seconds`."""
    file = folder / "gstreamer.wav"
    buffers = round(seconds * 50)
    await run(
        *("gst-launch-1.0", "-q", "uridecodebin3", f"uri={url}", "!", "audioconvert"),
        *("!", "audioresample", "!", "audiobuffersplit", "output-buffer-duration=1/50"),
        *("!", "audio/x-raw,format=S16LE,rate=48000,channels=1"),
        *("!", "identity", f"eos-after={buffers}", "!", "wavenc", "!", "filesink"),
        f"location={file}",
        within=within,
    )
    return await asyncio.to_thread(lambda: decode(file.read_bytes()))
