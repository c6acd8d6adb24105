"""Requests, read strictly (RFC 9112). Bytes in, a `Request`, a `Refused` or "more" out.

Whatever two readers could understand differently is refused: a server that guesses is one
half of a smuggled request. Bodies are small and only POST has one.

Browsers send the same header section with each request of a connection, and thousands of
browsers send the same one; so a section is parsed once and remembered by its very bytes, for
all (`_sections`) and for the connection (`known`).
"""

import re
from dataclasses import dataclass, field
from enum import Enum

MAX_LINE = 4_096
"""Bytes of a request line; a longer one is 414."""
MAX_HEAD = 16_384
"""Bytes of request line and header section; a longer one is 431."""
MAX_FIELDS = 64
MAX_BODY = 4_096
"""Bytes of a body; a longer one is 413."""

_REMEMBERED = 4_096
_REMEMBERED_BYTES = 2_048

_USUAL_LINE = re.compile(rb"(GET|HEAD) (/[!-~]{0,%d}) HTTP/1\.1" % (MAX_LINE - 16))
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP/([0-9])\.([0-9])")
# RFC 9110, 5.5: VCHAR, SP, HTAB and obs-text; no NUL, no bare CR, no other control.
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_HOST = re.compile(rb"[A-Za-z0-9.\-_~!$&'()*+,;=%\[\]:]*")
_ABSOLUTE = re.compile(rb"https?://[^/?#@]+(/[^#]*|)", re.IGNORECASE)
_BARE_LF = re.compile(rb"(?<!\r)\n")

_ONCE = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"expect", b"range", b"if-range")
)
_LISTS = frozenset(
    (b"connection", b"accept-encoding", b"accept-language", b"if-none-match", b"x-forwarded-for")
)
_USUAL = (b"GET", b"HEAD")
_GIVEN = frozenset((b"GET", b"HEAD", b"POST", b"OPTIONS"))
_KNOWN = frozenset((b"PUT", b"DELETE", b"PATCH", b"TRACE", b"CONNECT"))


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that goes no further. The connection ends after it: where the next request
    would begin is not certain."""

    status: int


class Wanted(Enum):
    """What a request still lacks."""

    MORE = "more bytes"
    CONTINUE = "more bytes, which the client sends only after 100 Continue"


@dataclass(frozen=True, slots=True)
class Fields:
    """What this server reads of a header section; everything else is only checked.

    `raw` are its bytes, from the CRLF that ends the request line to the empty line.
    """

    raw: bytes = b"\r\n\r\n"
    host: bool = False
    close: bool = False
    length: int = 0
    awaits_continue: bool = False
    gzip: bool = False
    languages: str = ""
    range: bytes | None = None
    if_range: bytes | None = None
    if_none_match: bytes | None = None
    forwarded_for: str = ""
    """X-Forwarded-For; to be believed of a declared proxy only."""
    usual: bool = field(init=False, default=False)
    """Whether it goes with any GET of HTTP/1.1, and says nothing of bodies or the end."""
    tail: bytes = field(init=False, default=b"")
    """What follows the target of a GET of which nothing but the target matters; else empty."""

    def __post_init__(self) -> None:
        usual = self.host and not self.close and self.length == 0
        object.__setattr__(self, "usual", usual)
        if usual and self.range is None and self.if_none_match is None:
            object.__setattr__(self, "tail", b" HTTP/1.1" + self.raw)


@dataclass(slots=True)
class Request:
    """One request. `target` is in origin-form (or "*"); `close`: the client wants no other."""

    method: bytes
    target: bytes
    fields: Fields
    close: bool = False
    body: bytes = b""


_sections: dict[bytes, Fields | Refused] = {}
_posts: dict[bytes, tuple[Request, bool]] = {}
"""Whole heads of good requests with a body, without it, and whether they wait for 100 Continue: in
the minute in which all come, thousands of knocks are the same to the byte."""


def take(data: bytes, known: Fields | None = None) -> tuple[Request | Refused | Wanted, int]:
    """The first request in `data`, and how many bytes it took (0 unless it is a Request).

    `known`: the connection's last fields, if they were `usual`. When `data` ends with their
    very bytes and what is before them is a usual request line, nothing is left to check.
    """
    if known is not None and data.endswith(known.raw):
        usual = _USUAL_LINE.fullmatch(data, 0, len(data) - len(known.raw))
        if usual is not None:
            return Request(usual[1], usual[2], known), len(data)
    # RFC 9112, 2.2: "ignore at least one empty line (CRLF) received prior to the request-line".
    start = 2 if data.startswith(b"\r\n") else 0
    end = data.find(b"\r\n\r\n", start)
    if end < 0 or end - start > MAX_HEAD:
        return _unfinished(data, start), 0
    post = _posts.get(data[: end + 4]) if data.startswith(b"POST ") else None
    if post is not None:
        like, awaits_continue = post
        request = Request(like.method, like.target, like.fields, like.close)
        return _with_body(request, data, end + 4, awaits_continue)
    first = data.find(b"\r\n", start)
    if first - start > MAX_LINE:
        return Refused(414), 0
    line = _LINE.fullmatch(data, start, first)
    if line is None:
        return Refused(400), 0
    method, target, major, minor = line.groups()
    if major != b"1":
        return Refused(505), 0
    raw = data[first : end + 4]
    fields = _sections.get(raw)
    if fields is None:
        fields = _remember(raw)
    if isinstance(fields, Refused):
        return fields, 0
    request = Request(method, target, fields, fields.close)
    if minor == b"0":
        request.close = True
    elif not fields.host:
        return Refused(400), 0  # RFC 9112, 3.2: "MUST respond with a 400"
    if target[0] != 47 or method not in _USUAL:
        refused = _less_usual(request)
        if refused is not None:
            return refused, 0
    if fields.length:
        awaits_continue = minor != b"0" and fields.awaits_continue
        if method == b"POST" and start == 0 and end <= _REMEMBERED_BYTES:
            if len(_posts) >= _REMEMBERED:
                _posts.clear()
            like = Request(method, request.target, fields, request.close)
            _posts[data[: end + 4]] = like, awaits_continue
        return _with_body(request, data, end + 4, awaits_continue)
    return request, end + 4


def _less_usual(request: Request) -> Refused | None:
    """Methods besides GET and HEAD; targets that do not begin with a slash."""
    if request.method not in _GIVEN:
        return Refused(405 if request.method in _KNOWN else 501)
    target = request.target
    if target.startswith(b"/") or (target == b"*" and request.method == b"OPTIONS"):
        return None
    # RFC 9112, 3.2.2: "A server MUST accept the absolute-form in requests".
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return Refused(400)
    request.target = absolute[1] if absolute[1].startswith(b"/") else b"/" + absolute[1]
    return None


def _with_body(
    request: Request, data: bytes, at: int, awaits_continue: bool
) -> tuple[Request | Refused | Wanted, int]:
    if request.method != b"POST":
        # RFC 9110, 9.3.1: content in a GET "might lead some implementations to reject the
        # request and close the connection because of its potential as a smuggling attack".
        return Refused(400), 0
    if request.fields.length > MAX_BODY:
        return Refused(413), 0
    end = at + request.fields.length
    if len(data) < end:
        return Wanted.CONTINUE if awaits_continue and len(data) == at else Wanted.MORE, 0
    request.body = data[at:end]
    return request, end


def _unfinished(data: bytes, start: int) -> Refused | Wanted:
    """A head without its end: too long, hopeless, or only not here yet."""
    if len(data) - start > MAX_LINE and data.find(b"\r\n", start, start + MAX_LINE + 2) < 0:
        return Refused(414)
    if len(data) - start > MAX_HEAD:
        return Refused(431)
    # RFC 9112, 2.2 lets a recipient take a bare LF for a line's end; two that differ in it
    # disagree on where a request ends, so it is refused here, and without waiting.
    if _BARE_LF.search(data, start) or b"\0" in data:
        return Refused(400)
    # What is no HTTP at all (TLS, SSH, …) is told so at once.
    if data[start : start + 1] and not re.match(rb"[!-~\r]", data[start : start + 1]):
        return Refused(400)
    return Wanted.MORE


def _remember(raw: bytes) -> Fields | Refused:
    fields = _parse(raw)
    if len(raw) <= _REMEMBERED_BYTES:
        if len(_sections) >= _REMEMBERED:
            _sections.clear()
        _sections[raw] = fields
    return fields


def _parse(raw: bytes) -> Fields | Refused:
    section = raw[2:-2]  # each line with its CRLF
    found: dict[bytes, bytes] = {}
    at = count = 0
    while at < len(section):
        field = _FIELD.match(section, at)
        if field is None:
            return Refused(400)  # obs-fold, a space before the colon, a control character, …
        at = field.end()
        count += 1
        name = field[1].lower()
        if name in _ONCE:
            if name in found:
                return Refused(400)
            found[name] = field[2].strip(b" \t")
        elif name in _LISTS:
            # RFC 9110, 5.3: a list that comes in several lines is one list.
            value = field[2].strip(b" \t")
            found[name] = found[name] + b", " + value if name in found else value
    if count > MAX_FIELDS:
        return Refused(431)
    return _meaning(raw, found)


def _meaning(raw: bytes, found: dict[bytes, bytes]) -> Fields | Refused:
    if not _HOST.fullmatch(found.get(b"host", b"")):
        return Refused(400)
    length = found.get(b"content-length")
    if b"transfer-encoding" in found:
        # RFC 9112, 6.1: both together "ought to be handled as an error". One alone is a body
        # of unknown length, which nobody needs here: 411, or 501 for what is not chunked.
        if length is not None:
            return Refused(400)
        return Refused(411 if found[b"transfer-encoding"].lower() == b"chunked" else 501)
    if length is not None and not (length.isdigit() and len(length) <= 19):
        return Refused(400)
    expect = found.get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        return Refused(417)
    options = {o.strip().lower() for o in found.get(b"connection", b"").split(b",")}
    return Fields(
        raw=raw,
        host=b"host" in found,
        close=b"close" in options,
        length=int(length or 0),
        awaits_continue=expect is not None,
        gzip=_takes_gzip(found.get(b"accept-encoding", b"")),
        languages=found.get(b"accept-language", b"").decode("latin-1"),
        range=found.get(b"range"),
        if_range=found.get(b"if-range"),
        if_none_match=found.get(b"if-none-match"),
        forwarded_for=found.get(b"x-forwarded-for", b"").decode("latin-1"),
    )


def _takes_gzip(accept: bytes) -> bool:
    """RFC 9110, 12.5.3; `*` counts for gzip, a weight of 0 refuses it."""
    weights: dict[bytes, bool] = {}
    for item in accept.lower().split(b","):
        coding, _, rest = item.partition(b";")
        weight = rest.replace(b" ", b"").replace(b"\t", b"")
        weights[coding.strip()] = not re.fullmatch(rb"q=0(\.0{0,3})?", weight)
    return weights.get(b"gzip", weights.get(b"x-gzip", weights.get(b"*", False)))
