"""Playlists against the m3u8 package, against the RFC's rules, and against our own reader."""

import contextlib
import itertools
from dataclasses import replace

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.protocol.media import PART_48K, RATE, RENDITIONS
from samvad.protocol.playlist import (
    Form,
    Report,
    Window,
    WindowPart,
    WindowSegment,
    render_master,
    render_media,
)
from samvad.protocol.playlist_reader import PlaylistError, read_master, read_media

START_MS = 1_790_000_000_123


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows as a stage can make them: short segments where an encoder began anew."""
    segments: list[WindowSegment] = []
    first = draw(st.integers(0, 1_000_000))
    before = discontinuity = draw(st.integers(0, 5))
    wall_ms, init = START_MS, "init0"
    count = draw(st.integers(1, 40))
    for place in range(count):
        if draw(st.integers(0, 9)) == 0:
            discontinuity += draw(st.integers(1, 2))
            wall_ms += draw(st.integers(0, 5_000))
            init = f"init{draw(st.integers(0, 2))}"
        last = place == count - 1
        parts = draw(st.sampled_from([3, 3, 3, 1, 2])) if not last else draw(st.integers(1, 3))
        segments.append(
            WindowSegment(
                msn=first + place,
                name=f"s{first + place}",
                init=init,
                wall_ms=wall_ms,
                discontinuity=discontinuity,
                parts=tuple(WindowPart(f"p{first + place}.{i}", PART_48K) for i in range(parts)),
                complete=not last or draw(st.booleans()),
            )
        )
        wall_ms += parts * 640
    ended = draw(st.booleans())
    if ended:
        segments[-1] = replace(segments[-1], complete=True)
    hint = draw(st.none() | st.just("hinted"))
    return Window(tuple(segments), before, hint, (Report("opus", 7, 1),), ended)


forms = st.sampled_from([Form.LOW, Form.PLAIN])
"""Of one window; the long form has a window of its own (test_gate_long.py)."""


@given(windows(), forms, st.booleans())
def test_m3u8_package_reads_the_same(window: Window, form: Form, skip: bool) -> None:
    seen = m3u8.loads(render_media(window, form, skip))
    listed = [s for s in window.segments if s.complete]
    skipped = int(seen.skip.skipped_segments) if seen.skip else 0
    assert len(seen.segments) - bool(_open_parts(seen)) == len(listed) - skipped
    for theirs, ours in zip(seen.segments, listed[skipped:], strict=False):
        assert theirs.uri == f"../../m/{ours.name}.m4s"
        assert theirs.duration == pytest.approx(ours.duration_48k / RATE)
        at_ms = theirs.program_date_time.timestamp() * 1000
        assert at_ms == pytest.approx(ours.wall_ms, abs=0.5)
    assert seen.media_sequence == window.segments[0].msn
    assert seen.is_endlist == window.ended


def _open_parts(seen: m3u8.M3U8) -> int:
    return sum(len(s.parts) for s in seen.segments if s.uri is None)


@given(windows(), forms, st.booleans())
def test_target_durations_hold(window: Window, form: Form, skip: bool) -> None:
    seen = read_media(render_media(window, form, skip))
    # 4.4.3.1: "The EXTINF duration of each Media Segment [...] rounded to the nearest integer,
    # MUST be less than or equal to the Target Duration".
    assert all(round(s.duration_s) <= seen.target_s for s in seen.segments)
    if form is Form.PLAIN:
        assert seen.part_target_s is None
        assert not seen.parts
        return
    assert seen.part_target_s is not None
    # 4.4.3.7: "MUST be less than or equal to the Part Target Duration", and by 4.4.4.9 at
    # least 85 % of it but for a segment's last.
    assert all(0.85 * seen.part_target_s <= p.duration_s <= seen.part_target_s for p in seen.parts)
    assert seen.part_hold_back_s is not None
    assert seen.part_hold_back_s >= 3 * seen.part_target_s - 1e-9
    assert seen.hold_back_s >= 3 * seen.target_s


@given(windows(), forms)
def test_all_that_is_said_is_read_back(window: Window, form: Form) -> None:
    seen = read_media(render_media(window, form))
    listed = [s for s in window.segments if s.complete]
    assert [s.msn for s in seen.segments] == [s.msn for s in listed]
    assert [s.uri for s in seen.segments] == [f"../../m/{s.name}.m4s" for s in listed]
    assert [s.wall_ms for s in seen.segments] == [s.wall_ms for s in listed]
    assert [s.discontinuity for s in seen.segments] == [s.discontinuity for s in listed]
    assert [s.map_uri for s in seen.segments] == [f"../../m/{s.init}.mp4" for s in listed]
    assert seen.ended == window.ended
    if form is Form.LOW:
        still_open = [s for s in window.segments if not s.complete]
        assert [p.uri for p in seen.open_parts] == [
            f"../../m/{p.name}.m4s" for s in still_open for p in s.parts
        ]
        assert (seen.hint is not None) == (window.hint is not None and not window.ended)


@given(windows())
def test_parts_only_near_the_end(window: Window) -> None:
    seen = read_media(render_media(window, Form.LOW))
    # 6.2.2: parts SHOULD go "after they are greater than three Target Durations from the end".
    behind_s = sum(p.duration_s for p in seen.open_parts)
    for segment in reversed(seen.segments):
        assert bool(segment.parts) == (behind_s <= 3 * seen.target_s + 1e-9)
        behind_s += segment.duration_s


@given(windows())
def test_parts_make_up_their_segment(window: Window) -> None:
    for segment in read_media(render_media(window, Form.LOW)).segments:
        if segment.parts:
            assert sum(p.duration_s for p in segment.parts) == pytest.approx(segment.duration_s)
            assert segment.parts[0].wall_ms == segment.wall_ms
            assert [p.index for p in segment.parts] == list(range(len(segment.parts)))
            for one, two in itertools.pairwise(segment.parts):
                assert two.wall_ms - one.wall_ms == pytest.approx(640, abs=1)


@given(windows(), forms)
def test_delta_update_is_the_playlist_with_its_beginning_left_out(
    window: Window, form: Form
) -> None:
    whole = render_media(window, form).splitlines()
    delta = render_media(window, form, skip=True).splitlines()
    skip = [line for line in delta if line.startswith("#EXT-X-SKIP")]
    if not skip:
        assert delta == whole
        return
    assert not window.ended
    # 6.2.5.1: skipped segments are "further from the end [...] than the Skip Boundary".
    skipped = int(skip[0].rpartition("=")[2])
    behind_48k = sum(s.duration_48k for s in window.segments[skipped:])
    assert behind_48k >= 12 * RATE
    assert "#EXT-X-VERSION:9" in delta  # section 8
    # "All tags that were not skipped MUST remain".
    head = whole.index(next(line for line in whole if line.startswith("#EXT-X-DISCONTINUITY-S")))
    after = delta[delta.index(skip[0]) + 1 :]
    assert whole[-len(after) :] == after
    assert [w for w in whole[: head + 1] if "VERSION" not in w] == [
        d for d in delta[: head + 1] if "VERSION" not in d
    ]
    left_out = whole[head + 1 : -len(after)]
    assert sum(not line.startswith("#") for line in left_out) == skipped


@given(windows(), st.integers(1, 39))
def test_a_window_that_moves_on_changes_no_number(window: Window, by: int) -> None:
    # 6.2.2: discontinuity numbers "of the segments still in the Media Playlist remain
    # unchanged"; media sequence numbers grow by one for each segment that left.
    by = min(by, len(window.segments) - 1)
    later = replace(
        window,
        segments=window.segments[by:],
        discontinuity_before=window.segments[by - 1].discontinuity if by else 0,
    )
    if by == 0:
        return
    before = {s.msn: s for s in read_media(render_media(window, Form.PLAIN)).segments}
    for segment in read_media(render_media(later, Form.PLAIN)).segments:
        assert before[segment.msn].discontinuity == segment.discontinuity
        assert before[segment.msn].map_uri == segment.map_uri


def test_the_plain_form_knows_no_parts_and_promises_no_blocking() -> None:
    window = Window((_whole(4), _open(5)), 0, "hinted", (Report("opus", 5, 0),))
    text = render_media(window, Form.PLAIN)
    for tag in ("EXT-X-PART", "PRELOAD-HINT", "RENDITION-REPORT", "CAN-BLOCK-RELOAD", "p5.0"):
        assert tag not in text


def test_the_live_edge_is_told() -> None:
    window = Window((_whole(4), _open(5)), 0, "hinted", (Report("opus", 5, 0),))
    seen = m3u8.loads(render_media(window, Form.LOW))
    assert seen.preload_hint.uri == "../../m/hinted.m4s"
    assert seen.preload_hint.hint_type == "PART"
    report = seen.rendition_reports[0]
    assert (report.uri, report.last_msn, report.last_part) == ("../opus/index.m3u8", 5, 0)
    assert seen.server_control.can_block_reload == "YES"
    assert read_media(render_media(window, Form.LOW)).next_part == (5, 1)


def test_an_ended_playlist_ends_and_hints_at_nothing() -> None:
    text = render_media(Window((_whole(4),), 0, "hinted", (), ended=True), Form.LOW)
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert "PRELOAD" not in text


def test_multivariant_playlist() -> None:
    text = render_master(RENDITIONS.values())
    seen = m3u8.loads(text)
    assert seen.is_variant
    assert [(p.uri, p.stream_info.codecs, p.stream_info.bandwidth) for p in seen.playlists] == [
        (f"{r.name}/index.m3u8", r.codecs, r.bandwidth) for r in RENDITIONS.values()
    ]
    ours = read_master(text)
    assert [(v.uri, v.codecs, v.bandwidth) for v in ours] == [
        (f"{r.name}/index.m3u8", r.codecs, r.bandwidth) for r in RENDITIONS.values()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#EXTM3U",
        "not a playlist\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:x\n",
        "#EXTM3U\n#EXT-X-UNHEARD-OF:1\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.92,\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\nsegment-without-extinf.m4s\n",
        '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART:DURATION=0.64,DURATION=1,URI="a"\n',
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PROGRAM-DATE-TIME:yesterday\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-ENDLIST\n#EXT-X-DISCONTINUITY\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n",
    ],
)
def test_the_reader_refuses_what_is_none_of_ours(text: str) -> None:
    with pytest.raises(PlaylistError):
        read_media(text)


@given(st.text(max_size=300) | windows().map(lambda w: render_media(w, Form.LOW)), st.randoms())
def test_the_reader_reads_or_raises_playlist_error(text: str, random: object) -> None:
    cut = text[: random.randrange(len(text) + 1)]  # type: ignore[attr-defined]
    for reader in (read_media, read_master):
        with contextlib.suppress(PlaylistError):
            reader(cut)


def _parts(msn: int, count: int) -> tuple[WindowPart, ...]:
    return tuple(WindowPart(f"p{msn}.{i}", PART_48K) for i in range(count))


def _whole(msn: int) -> WindowSegment:
    return WindowSegment(msn, f"s{msn}", "i", START_MS, 0, _parts(msn, 3), True)


def _open(msn: int) -> WindowSegment:
    return WindowSegment(msn, f"s{msn}", "i", START_MS + 1920, 0, _parts(msn, 1), False)
