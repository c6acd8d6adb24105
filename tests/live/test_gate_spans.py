"""Objects in memory files: what is put there is what is sent, and descriptors are few."""

import gc
import os
import socket

import pytest

from samvad.gate.spans import FILE_BYTES, FileSpan, MemoryFiles, splice


def sent(span: FileSpan) -> bytes:
    """What comes out of the kernel's end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        got = b""
        left: FileSpan | None = span
        while left is not None:
            left, _ = splice(ours.fileno(), left)
            got += theirs.recv(1 << 20)
        return got


def is_open(fd: int) -> bool:
    try:
        return "memfd:answers" in os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return False


def body(number: int, size: int) -> tuple[bytes, bytes]:
    whole = bytes((number + n) % 251 for n in range(size))
    return whole[: size // 3], whole[size // 3 :]


def test_many_objects_share_a_file_and_each_is_sent_as_it_was_put() -> None:
    files = MemoryFiles()
    bodies = [body(number, 10_000 + number) for number in range(200)]
    spans = [files.put(one) for one in bodies]
    assert len({span.file.fd for span in spans}) == -(-200 * 12_288 // FILE_BYTES)
    assert all(sent(span) == b"".join(one) for span, one in zip(spans, bodies, strict=True))


def test_a_file_goes_with_the_last_of_its_objects() -> None:
    files = MemoryFiles()
    first, second = files.put(body(1, 9_000)), files.put(body(2, FILE_BYTES))
    fds = first.file.fd, second.file.fd
    assert [is_open(fd) for fd in fds] == [True, True]
    del first
    gc.collect()
    assert [is_open(fd) for fd in fds] == [False, True]
    assert sent(second) == b"".join(body(2, FILE_BYTES))
    del second, files
    gc.collect()
    assert not is_open(fds[1])


def test_what_was_not_written_whole_is_no_object_and_the_next_one_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = MemoryFiles()
    kept = files.put(body(1, 9_000))
    with monkeypatch.context() as full:
        full.setattr(os, "pwritev", lambda *_: 100)
        with pytest.raises(OSError, match="no memory"):
            files.put(body(2, 9_000))
    assert sent(files.put(body(3, 9_000))) == b"".join(body(3, 9_000))
    assert sent(kept) == b"".join(body(1, 9_000))
