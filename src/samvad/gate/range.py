"""Range requests (RFC 9110, section 14), and conditions on them (section 13)."""

import re
from enum import Enum

from samvad.gate.answers import Answer, Headers
from samvad.gate.http1 import Fields
from samvad.gate.spans import FileSpan

_ONE = re.compile(rb"bytes=[ \t]*(?:([0-9]{1,19})-([0-9]{0,19})|-([0-9]{1,19}))[ \t]*", re.I)


class Whole(Enum):
    """All of it: there was no range, or none that must be heeded."""

    WHOLE = "whole"


def parse(value: bytes | None, size: int) -> tuple[int, int] | Whole | None:
    """(first, behind the last) byte asked for; None: it cannot be satisfied (416).

    14.2: "A server MAY ignore the Range header field"; several ranges, which no player asks
    for and which amplify, and other units are ignored.
    """
    one = _ONE.fullmatch(value) if value is not None else None
    if one is None:
        return Whole.WHOLE
    if one[3] is not None:  # 14.1.2: the last n bytes
        suffix = min(int(one[3]), size)
        return (size - suffix, size) if suffix else None
    first = int(one[1])
    last = int(one[2]) if one[2] else size - 1
    if one[2] and last < first:
        return Whole.WHOLE  # 14.1.1: an invalid range is ignored
    return (first, min(last + 1, size)) if first < size else None


def not_modified(fields: Fields, etag: bytes) -> bool:
    """13.1.2: If-None-Match uses the weak comparison."""
    asked = fields.if_none_match
    if asked is None:
        return False
    return asked == b"*" or etag in [t.strip().removeprefix(b"W/") for t in asked.split(b",")]


def wanted(fields: Fields, etag: bytes, size: int) -> tuple[int, int] | Whole | None:
    """`parse`, but the whole when If-Range names another version (13.1.5, strong comparison)."""
    if fields.if_range is not None and fields.if_range != etag:
        return Whole.WHOLE
    return parse(fields.range, size)


def unsatisfiable(size: int, headers: Headers) -> Answer:
    return Answer(416, [*headers, ("Content-Range", f"bytes */{size}")])


def part_of(whole: Answer, headers: Headers, first: int, end: int) -> Answer:
    """206 with bytes [first, end) of what `whole` sends."""
    size = whole.length - len(whole.head)
    about = [*headers, ("Content-Range", f"bytes {first}-{end - 1}/{size}")]
    if whole.span is not None:
        span = FileSpan(whole.span.file, whole.span.start + first, end - first)
        return Answer(206, about, span=span)
    return Answer(206, about, (b"".join(whole.body)[first:end],))
