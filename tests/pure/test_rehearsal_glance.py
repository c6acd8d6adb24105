"""Playlists at a glance say what the strict reader and the full listener say."""

import os
from urllib.parse import urljoin, urlsplit

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.protocol.playlist import Form, Window, WindowPart, WindowSegment, render_media
from samvad.protocol.playlist_reader import read_master, read_media
from samvad.rehearsal.first_visit import imports, read_first_visit
from samvad.rehearsal.glance import (
    NoPlaylist,
    Place,
    read_glance,
    read_variants,
    resolve,
    unzip,
)
from samvad.rehearsal.library import Library
from samvad.rehearsal.listener_follow import Follower

PART_48K = 30_720


def window(first: int, count: int, open_parts: int, breaks: set[int], ended: bool) -> Window:
    segments = []
    for msn in range(first, first + count):
        parts = open_parts if open_parts and msn == first + count - 1 else 3
        behind = sum(b <= msn for b in breaks)
        segments.append(
            WindowSegment(
                msn,
                f"s{msn}",
                f"init{behind}",
                1_000_000 + msn * 1920,
                behind,
                tuple(WindowPart(f"p{msn}-{n}", PART_48K) for n in range(parts)),
                parts == 3 or ended,
            )
        )
    return Window(tuple(segments), sum(b < first for b in breaks), "hint", (), ended)


windows = st.builds(
    window,
    st.integers(0, 50),
    st.integers(1, 34),
    st.integers(0, 2),
    st.sets(st.integers(1, 60), max_size=3),
    st.booleans(),
)


@given(windows, st.sampled_from(Form))
def test_it_reads_what_the_strict_reader_reads(seen: Window, form: Form) -> None:
    text = render_media(seen, form)
    strict, glance = read_media(text), read_glance(text.encode())
    assert glance.first == strict.media_sequence
    assert glance.target_s == strict.target_s
    assert glance.ended == strict.ended
    assert glance.blocks == strict.can_block_reload
    assert glance.next == strict.next_part
    assert glance.hold_back_s == strict.hold_back_s
    if strict.part_target_s is not None:
        assert glance.part_hold_back_s == strict.part_hold_back_s
    for ours, theirs in zip(glance.segments, strict.segments, strict=True):
        assert (ours.uri.decode(), ours.init.decode()) == (theirs.uri, theirs.map_uri)
        assert ours.duration_s == theirs.duration_s
        assert [u.decode() for u, _ in ours.parts] == [p.uri for p in theirs.parts]
    assert [u.decode() for u, _ in glance.open_parts] == [p.uri for p in strict.open_parts]


@given(
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.sampled_from(Form)), min_size=1),
)
def test_it_takes_what_the_full_listener_takes(
    first: int, steps: list[tuple[int, int, Form]]
) -> None:
    """Playlists that move on by so many segments, in either form, to a fixed length."""
    follower, place, jumps, last = Follower(), None, 0, first + 4
    for forward, open_parts, form in steps:
        last += forward
        text = render_media(window(max(first, last - 11), 12, open_parts, set(), False), form)
        if form is Form.PLAIN:
            continue  # without parts the full listener joins at another distance
        glance = read_glance(text.encode())
        theirs = follower.take(read_media(text))
        ours, place, lost = glance.news(place, low=True)
        jumps += lost
        assert [p.uri.decode() for p in ours] == [p.uri for p in theirs]
        assert [p.init.decode() for p in ours] == [p.init for p in theirs]
        assert sum(p.duration_s for p in ours) == pytest.approx(sum(p.duration_s for p in theirs))
    assert jumps == follower.jumps


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_who_does_not_care_for_parts_takes_each_whole_segment_once(steps: list[int]) -> None:
    place: Place | None = None
    taken, last = [], 12
    for forward in steps:
        last += forward
        for form in Form:
            text = render_media(window(last - 11, 12, 2, set(), False), form)
            pieces, place, lost = read_glance(text.encode()).news(place, low=False)
            assert not lost
            taken += [p.uri.decode() for p in pieces]
    # HOLD-BACK is 6 s: four whole segments; the open one is not taken.
    assert taken == [f"../../m/s{msn}.m4s" for msn in range(8 + steps[0], last)]


def test_who_falls_out_of_the_window_is_told() -> None:
    glance = read_glance(render_media(window(20, 10, 0, set(), False), Form.PLAIN).encode())
    pieces, place, lost = glance.news((4, 0, 0.0), low=False)
    assert lost
    assert len(pieces) == 10
    assert place == (30, 0, 0.0)


FOREIGN = """#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:2680
# a comment
#EXTINF:5.6, with a title
http://media.example.com/a/2680.ts?x=1
#EXT-X-BYTERANGE:100@0
#EXTINF:6.0

sub dir/2681.ts
#EXTINF:4,
/2682.ts
"""


def test_playlists_of_other_makers_as_m3u8_reads_them() -> None:
    other, glance = m3u8.loads(FOREIGN), read_glance(FOREIGN.encode())
    assert [s.uri.decode() for s in glance.segments] == [s.uri for s in other.segments]
    assert [s.duration_s for s in glance.segments] == [s.duration for s in other.segments]
    assert glance.target_s == other.target_duration
    assert glance.hold_back_s == 18
    assert not glance.blocks


def test_variants() -> None:
    text = (
        '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=110000,CODECS="mp4a.40.2"\naac/index.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=40000,CODECS="opus"\nopus/index.m3u8\n'
    )
    strict = [(v.codecs, v.uri) for v in read_master(text)]
    assert [(c.decode(), u.decode()) for c, u in read_variants(text.encode())] == strict


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"#EXTM3U\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\ns.m4s\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:x\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART:DURATION=1\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n",
    ],
)
def test_what_is_no_playlist(text: bytes) -> None:
    with pytest.raises(NoPlaylist):
        read_glance(text)
    with pytest.raises(NoPlaylist):
        read_variants(text)


paths = st.lists(st.sampled_from(["..", ".", "a", "live", "x.m3u8"]), max_size=6).map("/".join)


@given(paths, st.lists(st.sampled_from(["a", "b", "c.m3u8"]), min_size=1).map("/".join))
def test_resolve_is_urljoin(uri: str, base: str) -> None:
    whole = urljoin(f"http://site/{base}", uri)
    assert resolve(f"/{base}".encode(), uri.encode()).decode() == urlsplit(whole).path


def test_resolve_more() -> None:
    base = b"/live/ev/T/aac/index.m3u8?x=/y"
    assert resolve(base, b"../../m/n.m4s") == b"/live/ev/m/n.m4s"
    assert resolve(base, b"/m/n.m4s?a=b") == b"/m/n.m4s?a=b"
    assert resolve(base, b"?y=1") == b"/live/ev/T/aac/index.m3u8?y=1"
    assert resolve(base, b"http://elsewhere/z/n") == b"/z/n"  # asked for here: nowhere else


def test_a_crowd_reads_a_playlist_once_and_a_zip_bomb_never() -> None:
    import gzip

    library = Library()
    text = render_media(window(0, 5, 0, set(), False), Form.PLAIN).encode()
    assert library.glance(text, False) is library.glance(bytes(bytearray(text)), False)
    zipped = gzip.compress(text)
    assert library.glance(zipped, True).segments == library.glance(text, False).segments
    assert library.variants(text, False) is None
    assert len(unzip(gzip.compress(bytes(50_000_000)))) == 1024 * 1024
    with pytest.raises(NoPlaylist):
        unzip(b"no gzip")
    for i in range(200):
        library.glance(text.replace(b"SEQUENCE:0", b"SEQUENCE:%d" % i), False)
    assert len(library._glances) <= 64


PAGE = b"""<!doctype html><head><link rel="icon" href="/a/icon.svg">
<link rel="stylesheet" href="/a/event.css"><link href="/a/event.js" rel="modulepreload">
<link rel="canonical" href="/e/talk"><script src="http://elsewhere/x.js"></script></head>
<script type="application/json" id="config">{"event": "abcdef1234", "door": "/door/abcdef1234"}
</script><script type="module" src="/a/event.js"></script>"""


def test_a_first_visit() -> None:
    page = read_first_visit(b"/e/talk", PAGE)
    assert page is not None
    assert page.door == b"/door/abcdef1234"
    assert page.state == b"/live/abcdef1234/state.json"
    assert page.assets == (b"/a/icon.svg", b"/a/event.css", b"/a/event.js")
    assert read_first_visit(b"/e/talk", b"<p>Something else") is None
    script = b'import{a}from"./chunk-1.js";import"./b.js";x=()=>import("./hls.js"),"./no.js"'
    assert imports(b"/a/event.js", script) == (b"/a/chunk-1.js", b"/a/b.js", b"/a/hls.js")
    assert imports(b"/a/event.css", script) == ()


def test_the_page_as_it_is_built_names_its_scripts() -> None:
    from samvad.base.folders import assets

    folder = assets()
    scripts = [p for p in folder.glob("event-*.js") if p.stat().st_size]
    if not scripts:
        pytest.skip("the front end is not built here")
    newest = max(scripts, key=os.path.getmtime)
    found = imports(f"/a/{newest.name}".encode(), newest.read_bytes())
    assert any(b"/a/hls-" in path for path in found)
    assert all((folder / path.decode().removeprefix("/a/")).exists() for path in found)
