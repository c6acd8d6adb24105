"""How live media and room states travel from `stage` to every gate process.

A gate connects (Unix socket or TCP), sends one hello with its token
(`secret.token_for(site, "uplink")`), and from then on receives. The stage first sends what
is needed to join in the middle (for each event: its newest room state, its inits, and the
parts of the live window, oldest first), then everything as it happens. So a gate that comes
back has the window at once, and a stage never needs to know its gates.

A frame is: header length u32, body length u32 (big endian), a JSON header, a body.
Repeats are harmless: a part is known by (event, rendition, msn, part).
"""

import dataclasses
import json
import struct
from typing import Any

from samvad.protocol.media import Init, Part
from samvad.protocol.room import RoomState, as_dict, from_dict

SCHEMA = 1
_LENGTHS = struct.Struct(">II")
MAX_HEADER = 64 * 1024
MAX_BODY = 4 * 1024 * 1024


def split_address(text: str) -> str | tuple[str, int]:
    """What `[stage] uplink` means: a Unix socket's path, or (host, port).

    Anything with a slash is a path; `host:port` and `[IPv6]:port` are not.
    """
    host, colon, port = text.rpartition(":")
    if "/" not in text and colon and host and port.isdigit():
        return host.removeprefix("[").removesuffix("]"), int(port)
    return text


class UplinkError(ValueError):
    """The peer does not speak this protocol; the connection is of no more use."""


@dataclasses.dataclass(frozen=True, slots=True)
class Hello:
    """First and only frame of a gate."""

    token: str
    gate: str


@dataclasses.dataclass(frozen=True, slots=True)
class Forget:
    """The event is over and its live window may be dropped."""

    event: str


Message = Hello | Init | Part | RoomState | Forget
_KINDS: dict[str, type] = {"hello": Hello, "init": Init, "part": Part, "forget": Forget}
_NAMES: dict[type, str] = {v: k for k, v in _KINDS.items()} | {RoomState: "room"}


def encode(message: Message) -> bytes:
    """One frame."""
    body = b""
    if isinstance(message, RoomState):
        header: dict[str, Any] = {"room": as_dict(message)}
    else:
        header = {
            f.name: getattr(message, f.name)
            for f in dataclasses.fields(message)
            if f.name != "body"
        }
        if isinstance(message, Init | Part):
            body = message.body
    raw = json.dumps({"v": SCHEMA, "kind": _NAMES[type(message)]} | header).encode()
    return _LENGTHS.pack(len(raw), len(body)) + raw + body


def _decode(header: bytes, body: bytes) -> Message | None:
    try:
        data = json.loads(header)
        version, kind = data.pop("v"), data.pop("kind")
        if version != SCHEMA:
            raise UplinkError(f"version {version!r} is not {SCHEMA}")
        if kind == "room":
            return from_dict(data["room"])
        cls = _KINDS.get(kind)
        if cls is None:
            return None  # a kind of a newer version: passed over
        if cls in (Init, Part):
            data["body"] = body
        message: Message = cls(**data)
        return message
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UplinkError(f"not a frame: {error}") from None


class Decoder:
    """Bytes in, messages out. Holds at most one frame (MAX_HEADER + MAX_BODY)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by `data`. Raises UplinkError on anything else."""
        self._buffer += data
        messages: list[Message] = []
        at = 0
        while len(self._buffer) - at >= _LENGTHS.size:
            header, body = _LENGTHS.unpack_from(self._buffer, at)
            if header > MAX_HEADER or body > MAX_BODY:
                raise UplinkError("a frame is too large")
            start = at + _LENGTHS.size
            if len(self._buffer) < start + header + body:
                break
            raw = bytes(self._buffer[start : start + header])
            message = _decode(raw, bytes(self._buffer[start + header : start + header + body]))
            if message is not None:
                messages.append(message)
            at = start + header + body
        del self._buffer[:at]
        return messages
