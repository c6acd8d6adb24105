"""Offers of real clients, broken ones, and anything at all. Oracle: aiortc's own SDP parser."""

from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from samvad.stage.sdp import MAX_CANDIDATES, PUBLISH, RETURN, OfferError, read_offer

CORPUS = {p.stem: p.read_bytes().decode() for p in (Path(__file__).parent / "sdp").glob("*.sdp")}
"""Offers of clients: chromium and ffmpeg as they sent them; firefox, OBS, the WHEP draft after
their documents."""

ENGINE_ANSWER = """v=0
o=- 4004407076 4004407076 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE {mid}
a=msid-semantic:WMS *
m=audio 55156 UDP/TLS/RTP/SAVPF {payload}
c=IN IP4 198.51.100.1
a=recvonly
a=mid:{mid}
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=rtpmap:{payload} opus/48000/2
a=candidate:f957a2332b1715da3b0ef8ba684454eb 1 udp 2130706431 198.51.100.1 55156 typ host
a=end-of-candidates
a=ice-ufrag:cfR4
a=ice-pwd:eT6ho7TWF6LkzkcMOiAqrs
a=setup:passive
"""


def purpose(name: str) -> str:
    return RETURN if name.endswith("return") else PUBLISH


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) >= 6


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_real_clients_are_understood(name: str) -> None:
    offer = read_offer(CORPUS[name], purpose(name))
    parsed = SessionDescription.parse(offer.for_engine())
    (media,) = parsed.media
    assert media.kind == "audio"
    assert [c.name for c in media.rtp.codecs] == ["opus"]
    assert media.rtp.codecs[0].payloadType == offer.payload
    assert media.ice.usernameFragment
    assert media.ice.password
    assert media.dtls is not None
    assert media.dtls.fingerprints
    # RFC 9725, section 4.4: the endpoint answers "passive", so the engine is offered "active";
    # only a client that insists on being passive is answered otherwise.
    assert media.dtls.role == ("server" if name == "ffmpeg-publish" else "client")


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_the_answer_mirrors_the_offer_s_sections(name: str) -> None:
    """RFC 3264, section 6: as many m= lines, in the same order; declined ones with port 0."""
    offer = read_offer(CORPUS[name], purpose(name))
    text = offer.answer(ENGINE_ANSWER.format(mid=offer.mid, payload=offer.payload))
    answer, asked = SessionDescription.parse(text), SessionDescription.parse(CORPUS[name])
    assert [(m.kind, m.rtp.muxId) for m in answer.media] == [
        (m.kind, m.rtp.muxId) for m in asked.media
    ]
    for media in answer.media:
        assert (media.port == 0) == (media.kind != "audio")
    audio = next(m for m in answer.media if m.kind == "audio")
    assert audio.rtp.codecs[0].parameters["useinbandfec"] == 1
    assert all(line.endswith("\r\n") for line in text.splitlines(keepends=True))


def test_candidates_by_name_or_tcp_are_left_out() -> None:
    firefox = read_offer(CORPUS["firefox-publish"], PUBLISH)
    assert firefox.candidates == ("2 1 udp 1686052863 198.51.100.7 50431 typ srflx",)
    chromium = read_offer(CORPUS["chromium-publish"], PUBLISH)
    assert [c.split()[4] for c in chromium.candidates] == ["198.51.100.7", "2001:db8::7"]


def test_a_flood_of_candidates_is_bounded() -> None:
    many = "".join(
        f"a=candidate:{i} 1 udp 1 10.0.{i // 250}.{i % 250 + 1} 9 typ host\r\n" for i in range(900)
    )
    offer = read_offer(CORPUS["ffmpeg-publish"] + many, PUBLISH)
    assert len(offer.candidates) == MAX_CANDIDATES


def test_transport_of_the_bundle_s_first_section_is_used() -> None:
    """RFC 8843: a section in a bundle may leave its transport to the tagged one."""
    lines = CORPUS["ffmpeg-publish"].splitlines()
    transport = [x for x in lines if x.startswith(("a=ice-", "a=fingerprint", "a=setup"))]
    audio = [x for x in lines if x not in transport]
    at = next(i for i, x in enumerate(audio) if x.startswith("m="))
    video = ["m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=mid:v", *transport]
    head = [x.replace("BUNDLE 0", "BUNDLE v 0") for x in audio[:at]]
    offer = read_offer("\r\n".join([*head, *video, *audio[at:]]) + "\r\n", PUBLISH)
    assert offer.ufrag == next(x for x in transport if "ufrag" in x).split(":", 1)[1]
    assert offer.audio == 1


def changed(find: str, put: str) -> str:
    text = CORPUS["chromium-publish"]
    assert find in text
    return text.replace(find, put)


MALFORMED = {
    "empty": "",
    "not SDP": "hello",
    "HTML": "<html><body>v=0</body></html>",
    "JSON": '{"type": "offer", "sdp": "v=0"}',
    "wrong version": "v=1\r\n",
    "a line without a type": changed("a=rtcp-mux\r\n", "rtcp-mux\r\n"),
    "a NUL": changed("a=rtcp-mux\r\n", "a=rtcp\0mux\r\n"),
    "an unreadable m=": changed("m=audio 38945", "m=audio port"),
    "a port out of range of digits": changed("m=audio 38945", "m=audio 999999999999"),
    "no ICE user": changed("a=ice-ufrag:", "a=x-ufrag:"),
    "no ICE password": changed("a=ice-pwd:", "a=x-pwd:"),
    "ICE user with spaces": changed("a=ice-ufrag:", "a=ice-ufrag:a b"),
    "no fingerprint": changed("a=fingerprint:", "a=x-fingerprint:"),
    "a weak fingerprint": changed("sha-256", "sha-1"),
    "a mid with spaces": changed("a=mid:0", "a=mid:0 0"),
}
UNFIT = {
    "no section": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
    "video only": changed("m=audio 38945", "m=video 38945"),
    "declined audio": changed("m=audio 38945", "m=audio 0"),
    "no Opus": changed("opus/48000/2", "speex/16000"),
    "Opus not in the m= line": changed("m=audio 38945 UDP/TLS/RTP/SAVPF 111", "m=audio 9 X 0"),
    "a static payload type": changed("SAVPF 111", "SAVPF 20").replace("rtpmap:111", "rtpmap:20"),
    "the wrong direction": changed("a=sendonly", "a=recvonly"),
    "inactive": changed("a=sendonly", "a=inactive"),
    "a setup nobody can answer": changed("a=setup:actpass", "a=setup:holdconn"),
    "two audio sections": CORPUS["chromium-publish"]
    + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n",
    "too many sections": CORPUS["chromium-publish"] + "m=video 9 X 96\r\n" * 16,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_said_to_be(name: str) -> None:
    with pytest.raises(OfferError) as caught:
        read_offer(MALFORMED[name], PUBLISH)
    assert caught.value.malformed
    assert caught.value.says.endswith(".")


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_is_told_apart(name: str) -> None:
    with pytest.raises(OfferError) as caught:
        read_offer(UNFIT[name], PUBLISH)
    assert not caught.value.malformed
    assert caught.value.says.endswith(".")


def tried(text: str) -> None:
    """Either a refusal, or something that aiortc's parser takes and that stays small."""
    for wanted in (PUBLISH, RETURN):
        try:
            offer = read_offer(text, wanted)
        except OfferError as error:
            refused = error.says
        else:
            refused = None
        if refused is not None:
            assert len(refused) < 200
            continue
        rebuilt = offer.for_engine()
        assert len(SessionDescription.parse(rebuilt).media) == 1
        assert len(rebuilt) < 8000
        answer = offer.answer(ENGINE_ANSWER.format(mid=offer.mid, payload=offer.payload))
        assert answer.count("\nm=") == len(offer.sections)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=600))
def test_any_text(text: str) -> None:
    tried(text)
    tried("v=0\r\n" + text)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(CORPUS)), st.data())
def test_mutated_offers(name: str, data: st.DataObject) -> None:
    lines = CORPUS[name].splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        how = data.draw(
            st.sampled_from(["drop", "double", "swap", "cut", "noise", "value", "move"])
        )
        line = lines[at]
        if how == "drop" and len(lines) > 1:
            del lines[at]
        elif how == "double":
            lines.insert(at, line)
        elif how == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif how == "cut":
            lines[at] = line[: data.draw(st.integers(0, len(line)))]
        elif how == "noise":
            lines[at] = line + data.draw(st.text(max_size=20))
        elif how == "value":
            lines[at] = line.split(":", 1)[0] + ":" + data.draw(st.text(max_size=30))
        else:
            lines.append(lines.pop(at))
    tried("\r\n".join(lines) + "\r\n")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(CORPUS)), st.binary(min_size=1, max_size=8), st.integers(0, 4000))
def test_bytes_thrown_in(name: str, noise: bytes, at: int) -> None:
    raw = CORPUS[name].encode()
    at = min(at, len(raw))
    tried((raw[:at] + noise + raw[at:]).decode("utf-8", "replace"))
