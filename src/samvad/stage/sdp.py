"""Offers from strangers: read strictly, passed on rebuilt, answered section by section.

An engine never sees the text a client sent. What Samvad needs of it (one audio section
with Opus, its ICE and DTLS parameters, a few candidates) is checked and written anew, so
an engine's parser meets only well-formed, small input. Sections nobody asked for (the
video of OBS, a data channel) are declined in the answer with port 0 (RFC 3264, section 6).
"""

import ipaddress
import re
from dataclasses import dataclass

MAX_BYTES = 64 * 1024
MAX_SECTIONS = 16
MAX_CANDIDATES = 16

PUBLISH = "publish"
RETURN = "return"

_MEDIA = re.compile(
    r"m=(audio|video|text|application|message|image) ([0-9]{1,5})(?:/[0-9]{1,5})? "
    r"([A-Za-z0-9/]{1,64})((?: [\w.*+-]{1,64}){1,128})"
)
_LINE = re.compile(r"[a-z]=[^\x00\r\n]*")
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/_=-]{1,256}")
_MID = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_FINGERPRINT = re.compile(r"(sha-256|sha-384|sha-512) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})", re.I)
_OPUS = re.compile(r"([0-9]{1,3}) opus/48000(?:/[12])?", re.I)
_FOUNDATION = re.compile(r"[A-Za-z0-9+/]{1,32}")
_SETUP = ("actpass", "active", "passive")
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


class OfferError(ValueError):
    """An offer that cannot be answered. `malformed`: it is not an SDP offer at all."""

    def __init__(self, says: str, *, malformed: bool) -> None:
        super().__init__(says)
        self.says = says
        self.malformed = malformed


def _bad(says: str) -> OfferError:
    return OfferError(says, malformed=True)


def _unfit(says: str) -> OfferError:
    return OfferError(says, malformed=False)


@dataclass(frozen=True, slots=True)
class Section:
    """One m= section: its kind, port, profile, formats, and a= lines as (name, value)."""

    kind: str
    port: int
    profile: str
    formats: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    @property
    def mid(self) -> str | None:
        return next(iter(self.values("mid")), None)


@dataclass(frozen=True, slots=True)
class Offer:
    """What is used of an offer. `audio` is the index of the section that is answered."""

    sections: tuple[Section, ...]
    audio: int
    payload: int
    direction: str
    ufrag: str
    password: str
    fingerprints: tuple[str, ...]
    setup: str
    candidates: tuple[str, ...]
    ice_lite: bool

    @property
    def mid(self) -> str:
        return self.sections[self.audio].mid or "0"

    def for_engine(self) -> str:
        """The offer as an engine gets it: one audio section, Opus only.

        "actpass" becomes "active", because a WHIP endpoint must answer "passive"
        (RFC 9725, section 4.4); so the engine has no choice to make.
        """
        setup = "passive" if self.setup == "passive" else "active"
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
        if self.ice_lite:
            lines.append("a=ice-lite")
        lines += [
            f"a=group:BUNDLE {self.mid}",
            f"m=audio 9 UDP/TLS/RTP/SAVPF {self.payload}",
            "c=IN IP4 0.0.0.0",
            f"a={self.direction}",
            f"a=mid:{self.mid}",
            "a=rtcp-mux",
            f"a=rtpmap:{self.payload} opus/48000/2",
            *(f"a=candidate:{c}" for c in self.candidates),
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.password}",
            *(f"a=fingerprint:{f}" for f in self.fingerprints),
            f"a=setup:{setup}",
        ]
        return "\r\n".join(lines) + "\r\n"

    def answer(self, engine_answer: str) -> str:
        """The engine's answer to `for_engine()`, with the other sections declined."""
        head: list[str] = []
        media: list[str] = []
        for line in engine_answer.splitlines():
            (media if media or line.startswith("m=") else head).append(line)
        if self.sections[self.audio].mid is None:
            media = [x for x in media if not x.startswith("a=mid:")]
            head = [x for x in head if not x.startswith("a=group:")]
        media = [x for x in media if not x.startswith((f"a=fmtp:{self.payload} ", "a=ptime:"))]
        # In-band FEC is wanted: the decoder here uses it (stage/opus.py).
        media += [
            f"a=fmtp:{self.payload} minptime=10;useinbandfec=1;stereo=0;sprop-stereo=0",
            "a=ptime:20",
        ]
        out = head
        for index, section in enumerate(self.sections):
            if index == self.audio:
                out = out + media
                continue
            out = [
                *out,
                f"m={section.kind} 0 {section.profile} {section.formats[0]}",
                "c=IN IP4 0.0.0.0",
                "a=inactive",
            ]
            if section.mid is not None:
                out.append(f"a=mid:{section.mid}")
        return "\r\n".join(out) + "\r\n"


def read_offer(text: str, purpose: str) -> Offer:
    """Read an offer to PUBLISH or for a RETURN. Raises OfferError."""
    head, sections = _sections(text)
    audio = [i for i, s in enumerate(sections) if s.kind == "audio" and _taken(s)]
    if not audio:
        raise _unfit("The offer has no audio section.")
    if len(audio) > 1:
        # RFC 9725, section 4.4: more tracks than are supported reject the whole offer.
        raise _unfit("The offer has more than one audio section; one is taken.")
    index = audio[0]
    section = sections[index]
    payload = _opus(section)
    direction = next((k for k, _ in section.attributes if k in _DIRECTIONS), "sendrecv")
    wanted = ("sendonly", "sendrecv") if purpose == PUBLISH else ("recvonly", "sendrecv")
    if direction not in wanted:
        raise _unfit(f'The audio section is "{direction}"; it must be {" or ".join(wanted)}.')
    tagged = _bundle_tagged(head, sections)

    def found(name: str) -> list[str]:
        """An attribute of the section, else of the one that speaks for its bundle, else global."""
        return (
            section.values(name)
            or (tagged.values(name) if tagged else [])
            or [value for key, value in head if key == name]
        )

    ufrag, password = found("ice-ufrag"), found("ice-pwd")
    if not ufrag or not password:
        raise _bad("The offer has no ICE user name or password.")
    if not _ICE_CHARS.fullmatch(ufrag[0]) or not _ICE_CHARS.fullmatch(password[0]):
        raise _bad("The offer's ICE user name or password has characters that are not allowed.")
    prints = tuple(f"{m[1].lower()} {m[2]}" for v in found("fingerprint") if (m := _print(v)))
    if not prints:
        raise _bad("The offer has no usable DTLS fingerprint (SHA-256, SHA-384 or SHA-512).")
    setup = (found("setup") or ["actpass"])[0]
    if setup not in _SETUP:
        raise _unfit(f'The offer\'s DTLS setup "{setup[:20]}" is not one that can be answered.')
    return Offer(
        sections=sections,
        audio=index,
        payload=payload,
        direction=direction,
        ufrag=ufrag[0],
        password=password[0],
        fingerprints=prints[:4],
        setup=setup,
        candidates=_candidates(found("candidate")),
        ice_lite=any(key == "ice-lite" for key, _ in head),
    )


def _sections(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[Section, ...]]:
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if lines[0].rstrip() != "v=0":
        raise _bad("This is not an SDP offer: it does not begin with v=0.")
    head: list[tuple[str, str]] = []
    sections: list[Section] = []
    attributes = head
    opened: re.Match[str] | None = None

    def close() -> None:
        if opened is not None:
            sections.append(
                Section(
                    opened[1],
                    int(opened[2]),
                    opened[3],
                    tuple(opened[4].split()),
                    tuple(attributes),
                )
            )

    for raw in lines[1:]:
        line = raw.rstrip()
        if not _LINE.fullmatch(line):
            raise _bad("The offer has a line that is not SDP.")
        if line.startswith("m="):
            close()
            if len(sections) >= MAX_SECTIONS:
                raise _unfit(f"The offer has more than {MAX_SECTIONS} sections.")
            opened = _MEDIA.fullmatch(line)
            if opened is None:
                raise _bad("The offer has an m= line that cannot be read.")
            attributes = []
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            if name == "mid" and not _MID.fullmatch(value):
                raise _bad("The offer has an a=mid that cannot be read.")
            attributes.append((name, value))
    close()
    mids = [s.mid for s in sections if s.mid is not None]
    if len(set(mids)) != len(mids):
        raise _bad("The offer has two sections with the same a=mid.")
    return tuple(head), tuple(sections)


def _taken(section: Section) -> bool:
    return section.port != 0 or any(key == "bundle-only" for key, _ in section.attributes)


def _opus(section: Section) -> int:
    for value in section.values("rtpmap"):
        match = _OPUS.fullmatch(value.strip())
        if match and match[1] in section.formats and 96 <= int(match[1]) <= 127:
            return int(match[1])
    raise _unfit("The offer's audio section has no Opus (opus/48000/2, payload type 96 to 127).")


def _print(value: str) -> re.Match[str] | None:
    return _FINGERPRINT.fullmatch(value.strip())


def _bundle_tagged(
    head: tuple[tuple[str, str], ...], sections: tuple[Section, ...]
) -> Section | None:
    """The section whose transport the bundle uses (RFC 8843, section 7.2.1)."""
    for key, value in head:
        words = value.split()
        if key == "group" and words[:1] == ["BUNDLE"] and len(words) > 1:
            return next((s for s in sections if s.mid == words[1]), None)
    return None


def _candidates(values: list[str]) -> tuple[str, ...]:
    """UDP candidates with a literal address. Names (mDNS) are left out: looking them up would
    hold the answer back, and the checks that come from there are learnt from anyway.
    """
    kept = []
    for value in values:
        words = value.split()
        if len(words) < 8 or words[1] != "1" or words[2].lower() != "udp" or words[6] != "typ":
            continue
        try:
            address = ipaddress.ip_address(words[4])
            port, priority = int(words[5]), int(words[3])
        except ValueError:
            continue
        if not 0 < port < 65536 or not 0 <= priority < 1 << 32:
            continue
        if words[7] not in ("host", "srflx", "relay") or address.is_multicast:
            continue
        if not _FOUNDATION.fullmatch(words[0]):
            continue
        kept.append(f"{words[0]} 1 udp {priority} {address} {port} typ {words[7]}")
    return tuple(kept[:MAX_CANDIDATES])
