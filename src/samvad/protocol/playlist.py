"""Playlists, written here only (draft-pantos-hls-rfc8216bis); read in playlist_reader.py.

From a `Window` (what a listener may hear now) to text, with no clock and no request. Names
are relative, so the same bytes serve every ticket.

Three forms: `LOW` (LL-HLS: parts, preload hint, blocking reload), `PLAIN` (segments only) and
`LONG` (three segments in one). The first two tell of the same segments by the same numbers and may
follow each other at one URL; the third has numbers, names and a URL of its own.
"""

import datetime
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from samvad.protocol.hls import MEDIA_UP
from samvad.protocol.media import (
    PART_48K,
    PARTS_PER_LONG_SEGMENT,
    PARTS_PER_SEGMENT,
    RATE,
    Rendition,
)

CONTENT_TYPE = "application/vnd.apple.mpegurl"

TARGET_S = math.ceil(PART_48K * PARTS_PER_SEGMENT / RATE)
"""EXT-X-TARGETDURATION. 4.4.3.1: rounded EXTINF durations are not greater; it never changes."""

LONG_TARGET_S = math.ceil(PART_48K * PARTS_PER_LONG_SEGMENT / RATE)

PART_TARGET_S = PART_48K / RATE
HOLD_BACK_S = 3 * TARGET_S
"""4.4.3.8: HOLD-BACK "MUST be at least three times the Target Duration"."""
PART_HOLD_BACK_S = 3 * PART_TARGET_S
"""4.4.3.8: PART-HOLD-BACK "SHOULD be at least three times the Part Target Duration"."""
CAN_SKIP_UNTIL_S = 6 * TARGET_S
"""4.4.3.8: the Skip Boundary "MUST be at least six times the Target Duration"."""
PARTS_LISTED_S = 3 * TARGET_S
"""6.2.2: parts SHOULD go when farther than three Target Durations from the end."""


class Form(StrEnum):
    """How much of the window is told."""

    LOW = "low"
    PLAIN = "plain"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class WindowPart:
    """A part as it is listed."""

    name: str
    duration_48k: int


@dataclass(frozen=True, slots=True)
class WindowSegment:
    """A segment as it is listed; the last of a window may be incomplete."""

    msn: int
    name: str
    init: str
    wall_ms: int
    discontinuity: int
    parts: tuple[WindowPart, ...]
    complete: bool

    @property
    def duration_48k(self) -> int:
        return sum(part.duration_48k for part in self.parts)


@dataclass(frozen=True, slots=True)
class Report:
    """Where another rendition is: its last segment and part (EXT-X-RENDITION-REPORT)."""

    rendition: str
    last_msn: int
    last_part: int


@dataclass(frozen=True, slots=True)
class Window:
    """What one rendition's playlist tells. `segments` have consecutive msn, oldest first.

    `discontinuity_before` is that of the segment before the first: the first keeps its
    EXT-X-DISCONTINUITY until it leaves the window itself. `hint` names the part to come.
    """

    segments: tuple[WindowSegment, ...]
    discontinuity_before: int
    hint: str | None = None
    reports: tuple[Report, ...] = ()
    ended: bool = False


def render_master(
    renditions: Iterable[Rendition],
    form: Form = Form.LOW,
    captions: bool = False,
    mirror: str = "",
) -> str:
    """The multivariant playlist (4.4.6.2); the first rendition is where players begin.

    `captions`: there is a subtitle rendition too (4.4.6.1). `mirror`: where the same lies on a
    static host; then players are steered (4.4.6.6).
    """
    name = "long" if form is Form.LONG else "index"
    lines = ["#EXTM3U", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if captions:
        lines.append(
            '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="Captions",'
            'DEFAULT=YES,AUTOSELECT=YES,URI="captions/index.m3u8"'
        )
    said = ',SUBTITLES="captions"' if captions else ""
    pathways = [(said, f"{{}}/{name}.m3u8")]
    if mirror:
        lines.append('#EXT-X-CONTENT-STEERING:SERVER-URI="../steering.json",PATHWAY-ID="gate"')
        pathways = [
            (f'{said},PATHWAY-ID="gate"', f"{{}}/{name}.m3u8"),
            (',PATHWAY-ID="mirror"', f"{mirror}/live/{{}}/index.m3u8"),
        ]
    every = list(renditions)
    for about, place in pathways:
        for r in every:
            bandwidths = f"BANDWIDTH={r.bandwidth},AVERAGE-BANDWIDTH={r.average_bandwidth}"
            lines += [
                f"#EXT-X-STREAM-INF:{bandwidths},"
                f'CODECS="{r.codecs}",STABLE-VARIANT-ID="{r.name}"{about}',
                place.format(r.name),
            ]
    return "\n".join(lines) + "\n"


def render_media(window: Window, form: Form, skip: bool = False) -> str:
    """A media playlist; with `skip` a delta update, when there is something to leave out.

    LONG wants a window of long segments (gate/long.py makes it).
    """
    target_s = LONG_TARGET_S if form is Form.LONG else TARGET_S
    # 6.2.5.1: "A Server MUST ignore the _HLS_skip directive if the Playlist [...] contains
    # an EXT-X-ENDLIST tag".
    may_skip = skip and not window.ended and form is not Form.LONG
    skipped = _skippable(window.segments) if may_skip else 0
    low = form is Form.LOW
    control = [f"HOLD-BACK={_s(HOLD_BACK_S)}", f"CAN-SKIP-UNTIL={_s(CAN_SKIP_UNTIL_S)}"]
    if form is Form.LONG:
        control = [f"HOLD-BACK={_s(3 * target_s)}"]
    if low:
        control = ["CAN-BLOCK-RELOAD=YES", f"PART-HOLD-BACK={_s(PART_HOLD_BACK_S)}", *control]
    lines = [
        "#EXTM3U",
        # 6.2.1: the version "SHOULD NOT be greater than what is required"; by section 8 an
        # EXT-X-MAP asks for 6, an EXT-X-SKIP for 9.
        f"#EXT-X-VERSION:{9 if skipped else 6}",
        f"#EXT-X-TARGETDURATION:{target_s}",
        f"#EXT-X-SERVER-CONTROL:{','.join(control)}",
    ]
    if low:
        lines.append(f"#EXT-X-PART-INF:PART-TARGET={_s(PART_TARGET_S)}")
    first = window.segments[0].msn if window.segments else 0
    lines += [
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{window.discontinuity_before}",
    ]
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    lines += _segment_lines(window, skipped, low)
    if window.ended:
        lines.append("#EXT-X-ENDLIST")
    elif low:
        if window.hint is not None:
            lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{MEDIA_UP}{window.hint}.m4s"')
        lines += [
            f'#EXT-X-RENDITION-REPORT:URI="../{r.rendition}/index.m3u8",'
            f"LAST-MSN={r.last_msn},LAST-PART={r.last_part}"
            for r in window.reports
        ]
    return "\n".join(lines) + "\n"


def _segment_lines(window: Window, skipped: int, low: bool) -> Iterator[str]:
    behind_48k = sum(s.duration_48k for s in window.segments if s.complete or low)
    discontinuity, init = window.discontinuity_before, None
    for place, segment in enumerate(window.segments):
        # A segment that is still being made has no URI of its own yet (4.4.4.9): its parts
        # stand at the end of the list. The plain form does not know of it.
        if not segment.complete and not low:
            return
        breaks, discontinuity = segment.discontinuity - discontinuity, segment.discontinuity
        new_init, init = segment.init != init, segment.init
        listed_48k, behind_48k = behind_48k, behind_48k - segment.duration_48k
        # 6.2.5.1: skipped are segments "as well as their associated tags".
        if place < skipped:
            continue
        # 4.4.3.3: a segment's number is EXT-X-DISCONTINUITY-SEQUENCE plus the tags before it,
        # so an encoder that began anew twice without a word makes two tags.
        yield from ["#EXT-X-DISCONTINUITY"] * breaks
        if new_init:
            yield f'#EXT-X-MAP:URI="{MEDIA_UP}{segment.init}.mp4"'
        yield f"#EXT-X-PROGRAM-DATE-TIME:{date(segment.wall_ms)}"
        if low and listed_48k <= PARTS_LISTED_S * RATE + segment.duration_48k:
            for part in segment.parts:
                yield (
                    f"#EXT-X-PART:DURATION={_s(part.duration_48k / RATE)},"
                    f'URI="{MEDIA_UP}{part.name}.m4s",INDEPENDENT=YES'
                )
        if segment.complete:
            yield f"#EXTINF:{_s(segment.duration_48k / RATE)},"
            yield f"{MEDIA_UP}{segment.name}.m4s"


def _skippable(segments: Sequence[WindowSegment]) -> int:
    """How many lie behind the Skip Boundary, counted from the end of the last segment."""
    behind_48k = sum(s.duration_48k for s in segments)
    count = 0
    for segment in segments:
        behind_48k -= segment.duration_48k
        if behind_48k < CAN_SKIP_UNTIL_S * RATE or not segment.complete:
            break
        count += 1
    return count


def _s(seconds: float) -> str:
    """Seconds to the 10 µs, without zeros that say nothing."""
    return f"{seconds:.5f}".rstrip("0").rstrip(".")


def date(wall_ms: int) -> str:
    at = datetime.datetime.fromtimestamp(wall_ms // 1000, datetime.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{wall_ms % 1000:03d}Z"
