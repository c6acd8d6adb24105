"""The uplink's frames survive any cutting of the stream, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.protocol.media import Init, Part
from samvad.protocol.room import Phase, Replay, RoomSpeaker, RoomState, StatusLine
from samvad.protocol.uplink import (
    MAX_HEADER,
    Decoder,
    Forget,
    Hello,
    Message,
    UplinkError,
    encode,
    split_address,
)

PART = Part(
    event="evening1",
    rendition="aac",
    msn=3,
    part=1,
    name="n",
    segment="s",
    init="i",
    duration_48k=30_720,
    decode_48k=7 * 30_720,
    wall_ms=1_700_000_000_123,
    discontinuity=1,
    last=False,
    body=b"\x00moof",
)
ROOM = RoomState(
    event="evening1",
    phase=Phase.LIVE,
    live_since_ms=5,
    speakers=(RoomSpeaker("a", "આશા", here=True, level=0.25),),
    status=StatusLine("We begin.", 6),
    replay=Replay(10, 20),
)
MESSAGES: list[Message] = [
    Hello("token", "gate-0"),
    Init("evening1", "aac", "i", b"ftyp"),
    PART,
    ROOM,
    RoomState("evening2"),
    Forget("evening1"),
]


@given(cuts=st.lists(st.integers(1, 200), min_size=1, max_size=30))
def test_messages_arrive_whole_however_the_stream_is_cut(cuts: list[int]) -> None:
    stream = b"".join(encode(m) for m in MESSAGES)
    decoder, got, at = Decoder(), [], 0
    for cut in [*cuts, len(stream)]:
        got += decoder.feed(stream[at : at + cut])
        at += cut
    assert got == MESSAGES


@given(st.binary(min_size=8, max_size=200))
def test_garbage_raises_uplink_error_or_waits(garbage: bytes) -> None:
    decoder = Decoder()
    try:
        decoder.feed(garbage)
    except UplinkError:
        return


def test_a_frame_that_would_not_fit_is_refused_before_it_is_held() -> None:
    with pytest.raises(UplinkError, match="too large"):
        Decoder().feed((MAX_HEADER + 1).to_bytes(4, "big") + b"\0\0\0\0")


def test_a_kind_of_a_newer_version_is_passed_over() -> None:
    raw = encode(Forget("evening1")).replace(b'"forget"', b'"newest"')
    assert Decoder().feed(raw + encode(ROOM)) == [ROOM]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/run/samvad/uplink.sock", "/run/samvad/uplink.sock"),
        ("data/run/uplink.sock", "data/run/uplink.sock"),
        ("/odd:8009", "/odd:8009"),
        ("uplink.sock", "uplink.sock"),
        ("127.0.0.1:8009", ("127.0.0.1", 8009)),
        ("stage.example.org:8009", ("stage.example.org", 8009)),
        ("[::1]:8009", ("::1", 8009)),
        (":8009", ":8009"),
    ],
)
def test_an_address_is_a_path_or_a_host_with_a_port(
    text: str, place: str | tuple[str, int]
) -> None:
    assert split_address(text) == place
