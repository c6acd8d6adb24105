"""The supervisor with real processes: deaths, stubborn ones, the parent's own violent end."""

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from samvad.base.errors import PlainError
from samvad.cli.children import Child, Children, described
from samvad.cli.loglines import LogLines
from samvad.cli.supervise import Group
from tests.kit.until import until, until_now

pytestmark = pytest.mark.slow


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-u", "-c", code)


FOREVER = "import time\nprint('here', flush=True)\nwhile True: time.sleep(60)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER


def children(argv: dict[str, tuple[str, ...]], out: io.StringIO, grace_s: float = 5.0) -> Children:
    return Children(
        {name: Child(command) for name, command in argv.items()},
        [Group((name,), grace_s) for name in argv],
        environment={},
        log=LogLines(out, 6),
        start_within_s=10,
    )


async def test_one_that_dies_is_started_again_and_the_end_is_clean(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"import os\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\n" + FOREVER
    out = io.StringIO()
    all_ = children({"a": python(code), "b": python(FOREVER)}, out)
    stood = asyncio.Event()
    running = asyncio.ensure_future(all_.run(stood.set))
    await asyncio.wait_for(stood.wait(), 10)

    def lives() -> list[int]:
        return [int(p) for p in pids.read_text().split()] if pids.exists() else []

    await until(lambda: len(lives()) == 1, 10)
    os.kill(lives()[0], signal.SIGKILL)
    await until(lambda: len(lives()) == 2, 10)
    assert "a was ended by SIGKILL. It starts again in 0.2 s." in out.getvalue()
    all_.end()
    await asyncio.wait_for(running, 10)
    assert not any(_alive(pid) for pid in lives())
    assert "a      | here" in out.getvalue()


async def test_one_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    out = io.StringIO()
    all_ = children({"a": python(STUBBORN)}, out, grace_s=0.5)
    running = asyncio.ensure_future(all_.run(lambda: None))
    await until(lambda: "here" in out.getvalue(), 10)
    began = time.monotonic()
    all_.end()
    await asyncio.wait_for(running, 10)
    assert 0.4 < time.monotonic() - began < 5
    assert "a is killed." in out.getvalue()


async def test_asked_twice_it_ends_at_once() -> None:
    out = io.StringIO()
    all_ = children({"a": python(STUBBORN)}, out, grace_s=60)
    running = asyncio.ensure_future(all_.run(lambda: None))
    await until(lambda: "here" in out.getvalue(), 10)
    all_.end()
    all_.end()
    await asyncio.wait_for(running, 5)


async def test_one_that_cannot_start_ends_the_start_with_what_it_said() -> None:
    out = io.StringIO()
    never = Child(python("import sys; sys.exit('the codec is gone')"), lambda: False, "http://x/")
    all_ = Children(
        {"fine": Child(python(FOREVER)), "broken": never},
        [Group(("fine", "broken"), 3.0)],
        environment={},
        log=LogLines(out, 6),
    )
    with pytest.raises(PlainError) as caught:
        await asyncio.wait_for(all_.run(lambda: None), 20)
    assert "broken ended with status 1 while starting, 3 times." in caught.value.says
    assert "the codec is gone" in caught.value.mend


async def test_one_that_never_answers_ends_the_start() -> None:
    silent = Child(python(FOREVER), lambda: False, "http://127.0.0.1:1/health")
    all_ = Children(
        {"silent": silent},
        [Group(("silent",), 3.0)],
        environment={},
        log=LogLines(io.StringIO(), 6),
        start_within_s=1.0,
    )
    with pytest.raises(PlainError, match="silent did not answer within 1 s") as caught:
        await asyncio.wait_for(all_.run(lambda: None), 20)
    assert "http://127.0.0.1:1/health" in caught.value.mend


async def test_a_program_that_is_not_there_is_said() -> None:
    out = io.StringIO()
    all_ = children({"a": ("/nowhere/at/all",)}, out)
    with pytest.raises(PlainError, match="a ended with status 127 while starting"):
        await asyncio.wait_for(all_.run(lambda: None), 20)
    assert "a cannot be started" in out.getvalue()


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, io, sys\n"
        "from samvad.cli.children import Child, Children\n"
        "from samvad.cli.loglines import LogLines\n"
        "from samvad.cli.supervise import Group\n"
        "code = '''\n"
        "import os, signal, sys, time\n"
        "from samvad.cli.parent import die_with_parent\n"
        "die_with_parent()\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "while True: time.sleep(60)\n"
        "'''\n"
        "child = Child((sys.executable, '-c', code, sys.argv[1]))\n"
        "all_ = Children({'a': child}, [Group(('a',), 60.0)],\n"
        "                environment={}, log=LogLines(sys.stderr, 4))\n"
        "asyncio.run(all_.run(lambda: None))\n"
    )
    told = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, str(script), str(told)])
    try:
        until_now(lambda: told.exists() and told.read_text(), 15)
    finally:
        parent.kill()
        parent.wait()
    pid = int(told.read_text())
    until_now(lambda: not _alive(pid), 5)


async def test_a_log_that_nobody_reads_does_not_hold_up_the_processes(tmp_path: Path) -> None:
    """A terminal stopped by Ctrl-S: the pipe is full, and the child goes on nevertheless."""
    done = tmp_path / "done"
    code = (
        "import time\n"
        "for n in range(20_000): print('x' * 100)\n"
        f"open({str(done)!r}, 'w').close()\n" + FOREVER
    )
    reading, writing = os.pipe()
    stuck = os.fdopen(writing, "w")
    log = LogLines(stuck, 4)
    all_ = Children({"a": Child(python(code))}, [Group(("a",), 5.0)], environment={}, log=log)
    running = asyncio.ensure_future(all_.run(lambda: None))
    await until(done.exists, 20)
    all_.end()
    await asyncio.wait_for(running, 10)
    os.close(reading)  # the writer thread gets EPIPE and is free again
    log.close()
    with contextlib.suppress(BrokenPipeError):
        stuck.close()


def test_how_a_process_ended_in_words() -> None:
    assert described(0) == "ended by itself"
    assert described(3) == "ended with status 3"
    assert described(-9) == "was ended by SIGKILL"
    assert described(-63) == "was ended by signal 63"


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
