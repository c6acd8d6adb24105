"""What a gate counts, declared once, and kept in a mapped file a process.

Any gate process reads all of them, so any answers /metrics and /health for the machine. A file
outlives its process: counts go on after a restart, as Prometheus likes it.

    header 64 bytes: magic 8 | layout 8 | pid u64 | monotonic ms of the last beat u64
    then one u64 a counter
"""

import hashlib
import mmap
import os
from dataclasses import dataclass
from pathlib import Path

from samvad.gate.load import WAIT_BOUNDS_MS, wait_counter

MAGIC = b"svcount\n"
_HEADER = 64
_PID, _BEAT = 2, 3  # in words of 8 bytes

FRESH_MS = 5_000
"""A gate that has not beaten for longer is taken as gone."""


@dataclass(frozen=True, slots=True)
class About:
    """One counter. `gauge`: it goes down as well."""

    name: str
    text: str
    gauge: bool = False


COUNTERS = (
    About("requests", "Requests read whole."),
    About("answers_2xx", "Answers that gave what was asked."),
    About("answers_3xx", "Answers that said: not modified."),
    About("answers_4xx", "Answers that laid it to the client. Forged tickets are among them."),
    About("answers_5xx", "Answers that laid it to us: not on air yet, waited too long."),
    About("malformed", "Requests refused for their form. Many: somebody is probing."),
    About("bytes", "Bytes handed to the kernel."),
    About("connections_accepted", "Connections accepted."),
    About("connections_open", "Connections open now.", gauge=True),
    About("refused_by_source", "Connections refused: their source holds too many."),
    About("refused_pace", "Connections refused: their source opens too many a second."),
    About("refused_banned", "Connections closed unread: their source is banned."),
    About("evicted", "Connections closed for want of sockets: the oldest that had proven nothing."),
    About("throttled", "Connections that asked too fast and get 429 from then on."),
    About("bans", "Sources banned by this process."),
    About("banned", "Sources banned now, by all processes.", gauge=True),
    About("fenced", "Sources handed to the kernel by this process."),
    About("unproven", "Connections that proved nothing for three seconds, or hold on.", gauge=True),
    About("silent", "Connections that hold on without a whole request.", gauge=True),
    About("stuck", "Connections that hold on without taking their answer.", gauge=True),
    About("deep", "Connections that came as far as the door or the sound.", gauge=True),
    About(
        "nonsense",
        "Requests of good form for what does not exist or means nothing (400, 404, 405).",
    ),
    About("hit_and_run", "Connections that came, fetched a page or knocked, and went at once."),
    About("harm_gone", "Tickets that are void, shown again and again."),
    About("harm_mute", "Acts of sources whose connections ask for nothing."),
    About("harm_door", "Acts of sources that only knock and go."),
    About("harm_pages", "Acts of sources that only fetch pages and go."),
    About("harm_pace", "Acts of sources that ask for far more than listeners do."),
    About("knocks_bare", "Knocks at a door that showed nothing."),
    About("stalled", "Listeners whose page told of stops in the sound, once a minute each."),
    About("stalls", "Stops in the sound that listeners' pages told of."),
    About("stalled_ms", "How long those stops were, ms."),
    About("proofs_asked", "Door: asked for a proof of work."),
    About("proofs_good", "Door: proofs of work that were good."),
    About("proofs_bad", "Door: proofs of work that were wrong, old or used before."),
    About("refused_full", "Connections refused: this process holds all it may."),
    About("accept_errors", "Accepts that failed, most for want of descriptors. Should be 0."),
    About("timeouts_head", "Connections closed: a request was not complete in time."),
    About("timeouts_idle", "Connections closed: idle."),
    About("timeouts_send", "Connections closed: the reader took nothing."),
    About("lost", "Connections that the network or the peer broke off."),
    About("waits", "Blocking reloads that had to wait."),
    About("waiting", "Blocking reloads waiting now.", gauge=True),
    About("wait_timeouts", "Blocking reloads given up (503). Should be 0 while on air."),
    About("admitted", "Door: let in."),
    About("told_to_wait", "Door: a place in line, or the same place once more."),
    About("left", "Door: a page was closed and gave its seat back."),
    About("refused_full_house", "Door: no seat, by a rung of the ladder or a busy table."),
    About("refused_closed", "Door: not open, over or cancelled."),
    About("tickets_forged", "Playlists asked for with a ticket that does not verify."),
    About("tickets_gone", "Playlists asked for with a seat that went to somebody else."),
    About("tickets_shared", "Playlists refused: the ticket is used by too many at once."),
    About("tickets_voided", "Tickets taken back: they were in the hands of very many."),
    About("uplink_messages", "Messages taken from the stage."),
    About("uplink_losses", "Connections to the stage that broke or were refused."),
    About("uplink_up", "1 while connected to the stage.", gauge=True),
    About("plan_complaints", "Plan files that could not be used."),
    About("journal_dropped", "Facts not written: the disk was slow or full. Should be 0."),
    About("loop_late_ms", "Longest turn of the event loop in the last second.", gauge=True),
    About("cpu_ms", "Processor time of the process, ms."),
    *(
        About(wait_counter(place), f"Probes that waited their turn in the loop for {most}.")
        for place, most in enumerate(
            [*(f"at most {ms} ms" for ms in WAIT_BOUNDS_MS), f"over {WAIT_BOUNDS_MS[-1]} ms"]
        )
    ),
    About("failures", "Requests that failed for want of descriptors, disk or memory (503)."),
    About("crashes", "Requests whose handling failed. A bug each; see the log."),
)

INDEX = {about.name: place for place, about in enumerate(COUNTERS)}
_LAYOUT = hashlib.blake2b(" ".join(INDEX).encode(), digest_size=8).digest()
_SIZE = _HEADER + 8 * len(COUNTERS)


class Counters:
    """One process's counters: a plain list, written to the file by `beat`.

    `values[INDEX[name]] += 1` is the whole cost of counting.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(file, _SIZE)
            memory = mmap.mmap(file, _SIZE)
        finally:
            os.close(file)
        if memory[:16] != MAGIC + _LAYOUT:
            memory[:] = bytes(_SIZE)
            memory[:16] = MAGIC + _LAYOUT
        self._header = memoryview(memory)[:_HEADER].cast("Q")
        self._header[_BEAT], self._header[_PID] = 0, os.getpid()
        self._words = memoryview(memory)[_HEADER:].cast("Q")
        self.values = [
            0 if about.gauge else word
            for about, word in zip(COUNTERS, self._words.tolist(), strict=True)
        ]

    def add(self, name: str, amount: int = 1) -> None:
        self.values[INDEX[name]] += amount

    def set(self, name: str, value: int) -> None:
        self.values[INDEX[name]] = value

    def write(self) -> None:
        """Let others see what was counted."""
        for place, value in enumerate(self.values):
            self._words[place] = value

    def beat(self, now: float) -> None:
        """`write`, and say that this process lives; `now` is monotonic seconds."""
        self.write()
        self._header[_BEAT] = int(now * 1000)

    def end(self) -> None:
        """`write`, and say that it ends."""
        self.write()
        self._header[_BEAT] = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Another process's counters, as they are now."""

    pid: int
    fresh: bool
    values: dict[str, int]


def read(path: Path, now: float) -> Reading | None:
    """The counters in `path`; None if there are none (of this version)."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    if len(raw) != _SIZE or raw[:16] != MAGIC + _LAYOUT:
        return None
    words = memoryview(raw).cast("Q")
    beat = words[_BEAT]
    fresh = beat != 0 and 0 <= int(now * 1000) - beat + 1 <= FRESH_MS and _alive(words[_PID])
    start = _HEADER // 8
    return Reading(words[_PID], fresh, {a.name: words[start + i] for i, a in enumerate(COUNTERS)})


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
