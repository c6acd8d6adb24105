"""One video into what browsers play, as a process of its own: `python -m samvad.posts.transcode`.

    transcode SOURCE FOLDER LONGEST_S

Writes FOLDER/video.mp4 (H.264 and AAC, playable while it comes), FOLDER/hls.m3u8 with hls.m4s (the
same packets, for HLS), and FOLDER/poster.jpg. Says on stdout, a JSON object a line: {"progress":
percent}, and last {"done": {"width", "height", "duration_ms"}} or {"failed": code}.

The file comes from a stranger. So: a process with limits, that nothing but this file is read by
(no playlists, no references, no network), and that may be killed at any time.
"""

import json
import os
import resource
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf"
LONG_SIDE, SHORT_SIDE = 1280, 720
SIDE_MAX, PIXELS_MAX = 8192, 36_000_000
FPS_MAX = 30
AUDIO_RATE = 48_000
MEMORY = 4 << 30
CPU_PER_S = 40
"""Seconds of CPU that a second of video may cost; beyond it the kernel ends the process."""


class Refused(Exception):
    """The file cannot be made into a video; the argument is the code."""


def main(argv: list[str]) -> int:
    source, folder, longest = Path(argv[1]), Path(argv[2]), int(argv[3])
    _limit(longest)
    import av

    try:
        done = transcode(source, folder, longest)
    except Refused as error:
        _say(failed=str(error))
        return 1
    except MemoryError:
        _say(failed="large")
        return 1
    except (av.FFmpegError, ValueError, OverflowError, ZeroDivisionError, IndexError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        _say(failed="unreadable")
        return 1
    _say(done=done)
    return 0


def _limit(longest: int) -> None:
    os.nice(15)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    cpu = 120 + CPU_PER_S * longest
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def transcode(source: Path, folder: Path, longest: int) -> dict[str, int]:
    """The work. Raises Refused, and whatever PyAV raises on a broken file."""
    import av
    import av.logging

    av.logging.set_level(av.logging.PANIC)
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    parent = os.getppid()
    with av.open(str(source), options=options, metadata_errors="ignore") as have:
        if not have.streams.video:
            raise Refused("no_picture")
        picture = have.streams.video[0]
        picture.thread_type = "AUTO"
        picture.codec_context.thread_count = 2
        sound = have.streams.audio[0] if have.streams.audio else None
        _check(have, picture, longest)
        begin = (have.start_time or 0) / 1_000_000
        whole = min(longest, (have.duration or 0) / 1_000_000) or longest
        mp4 = folder / "video.mp4"
        with av.open(str(mp4), "w", format="mp4", options={"movflags": "+faststart"}) as made:
            maker = _Maker(made, folder, begin, longest, sound is not None)
            said = -1
            for packet in have.demux([s for s in (picture, sound) if s is not None]):
                if os.getppid() != parent:
                    raise Refused("gave_up")  # the worker is gone; another will begin anew
                for frame in _frames(packet):
                    maker.take(frame)
                percent = min(95, int(95 * maker.until_s / whole))
                if percent > said:
                    said = percent
                    _say(progress=percent)
            maker.finish()
    _hls(mp4, folder)
    return {
        "width": maker.width,
        "height": maker.height,
        "duration_ms": round(maker.until_s * 1000),
    }


def _check(have: Any, picture: Any, longest: int) -> None:
    width, height = picture.codec_context.width, picture.codec_context.height
    if width > SIDE_MAX or height > SIDE_MAX or width * height > PIXELS_MAX:
        raise Refused("large")
    if have.duration and have.duration / 1_000_000 > longest + 1:
        raise Refused("long")


def _frames(packet: Any) -> list[Any]:
    """What a packet holds; a broken packet in mid-file is left out, as players do."""
    import av

    try:
        return list(packet.decode())
    except av.InvalidDataError:
        return []


class _Maker:
    """Takes decoded frames, writes encoded packets."""

    def __init__(self, made: Any, folder: Path, begin: float, longest: int, sound: bool) -> None:
        self.width = self.height = 0
        self.until_s = 0.0
        self._made, self._folder, self._begin, self._longest = made, folder, begin, longest
        self._graph: Any = None
        self._last_pts = -1
        self._poster = False
        self._video: Any = None
        self._waiting: list[Any] = []
        self._audio: Any = (
            made.add_stream("aac", rate=AUDIO_RATE, layout="stereo") if sound else None
        )
        if self._audio is not None:
            self._audio.bit_rate = 128_000
        self._resampler: Any = None
        self._samples = 0

    def take(self, frame: Any) -> None:
        """One frame of picture or sound. Raises Refused("long")."""
        import av

        if frame.time is not None and frame.time - self._begin > self._longest + 1:
            raise Refused("long")
        if isinstance(frame, av.VideoFrame):
            self._see(frame)
        elif self._audio is not None:
            self._hear(frame)

    def _see(self, frame: Any) -> None:
        if frame.pts is None or frame.width < 2 or frame.height < 2:
            return
        graph: Any = self._graph
        if graph is None or self._of != (frame.width, frame.height, frame.format.name):
            if graph is not None:
                return  # the size changes in mid-file: what does not fit is left out
            self._begin_picture(frame)
        self._graph.push(frame)
        self._pull()

    def _begin_picture(self, frame: Any) -> None:
        import av.filter

        self._of = (frame.width, frame.height, frame.format.name)
        turned = round((frame.rotation or 0) / 90) % 4
        across, down = frame.width, frame.height
        if frame.width > SIDE_MAX or frame.width * frame.height > PIXELS_MAX:
            raise Refused("large")
        if turned % 2:
            across, down = down, across
        scale = min(1.0, LONG_SIDE / max(across, down), SHORT_SIDE / min(across, down))
        self.width, self.height = (max(2, round(side * scale / 2) * 2) for side in (across, down))
        graph = av.filter.Graph()
        graph_in = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        steps = [("setpts", f"PTS-{self._begin}/TB"), ("fps", f"fps={FPS_MAX}")]
        # frame.rotation counts against the clock
        steps += {1: [("transpose", "cclock")], 2: [("hflip", ""), ("vflip", "")],
                  3: [("transpose", "clock")]}.get(turned, [])  # fmt: skip
        steps += [("scale", f"{self.width}:{self.height}"), ("setsar", "1"), ("format", "yuv420p")]
        last = graph_in
        for name, args in steps:
            one = graph.add(name, args) if args else graph.add(name)
            last.link_to(one)
            last = one
        last.link_to(graph.add("buffersink"))
        graph.configure()
        self._graph = graph
        self._video = self._made.add_stream("libx264", rate=FPS_MAX)
        self._video.width, self._video.height, self._video.pix_fmt = (
            self.width, self.height, "yuv420p",
        )  # fmt: skip
        self._video.codec_context.time_base = Fraction(1, FPS_MAX)
        self._video.codec_context.gop_size = 2 * FPS_MAX
        self._video.options = {
            "preset": "veryfast", "crf": "24", "profile": "high", "threads": "2",
            "maxrate": "2500k", "bufsize": "5000k", "sc_threshold": "0",
        }  # fmt: skip
        for kept in self._waiting:
            self._encode_sound(kept)
        self._waiting.clear()

    def _pull(self) -> None:
        import av

        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            at_s = float(frame.pts * frame.time_base)
            number = round(at_s * FPS_MAX)
            if number <= self._last_pts or number < 0:
                continue
            self._last_pts = number
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, FPS_MAX), 0
            self.until_s = max(self.until_s, (number + 1) / FPS_MAX)
            if not self._poster and number >= FPS_MAX:
                self._make_poster(frame)
            elif not self._poster and number == 0:
                self._make_poster(frame)
                self._poster = False  # a later one is mostly better: the first is often black
            self._made.mux(self._video.encode(frame))

    def _make_poster(self, frame: Any) -> None:
        frame.to_image().save(self._folder / "poster.jpg", "JPEG", quality=80, progressive=True)
        self._poster = True

    def _hear(self, frame: Any) -> None:
        import av

        if self._resampler is None:
            self._resampler = av.AudioResampler("fltp", "stereo", AUDIO_RATE, frame_size=1024)
            late = (frame.time or self._begin) - self._begin
            self._samples = max(0, round(late * AUDIO_RATE))
        for one in self._resampler.resample(frame):
            one.pts, one.time_base = self._samples, Fraction(1, AUDIO_RATE)
            self._samples += one.samples
            # The muxer wants all streams before the first packet.
            if self._video is None:
                if len(self._waiting) < 20 * AUDIO_RATE // 1024:
                    self._waiting.append(one)
            else:
                self._encode_sound(one)

    def _encode_sound(self, frame: Any) -> None:
        self._made.mux(self._audio.encode(frame))

    def finish(self) -> None:
        """What the encoders still hold. Raises Refused when there was no picture at all."""
        if self._graph is None:
            raise Refused("no_picture")
        self._graph.push(None)
        self._pull()
        if self._last_pts < 0:
            raise Refused("no_picture")
        self._made.mux(self._video.encode(None))
        if self._audio is not None:
            self._made.mux(self._audio.encode(None))


def _hls(mp4: Path, folder: Path) -> None:
    """The same packets as one file of segments, with the playlist that names their places."""
    import av

    options = {
        "hls_time": "4", "hls_playlist_type": "vod", "hls_segment_type": "fmp4",
        "hls_flags": "single_file", "hls_segment_filename": str(folder / "hls.m4s"),
    }  # fmt: skip
    with (
        av.open(str(mp4)) as have,
        av.open(str(folder / "hls.m3u8"), "w", format="hls", options=options) as made,
    ):
        streams = {s.index: made.add_stream_from_template(s) for s in have.streams}
        for packet in have.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
