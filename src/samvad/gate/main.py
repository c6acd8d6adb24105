"""`samvad gate --index N`: one gate process, put together. Nobody is special among them."""

import dataclasses
import gc
import logging
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import gethostname

from samvad.base import log as base_log
from samvad.base.clock import Moment, SystemClock
from samvad.base.errors import PlainError
from samvad.base.folders import Folders, assets
from samvad.base.machine import go_before
from samvad.base.settings import Settings
from samvad.gate.admin import Admin
from samvad.gate.assets import Assets
from samvad.gate.climb import Climbers
from samvad.gate.connection import Connection
from samvad.gate.counters import Counters
from samvad.gate.detect import State
from samvad.gate.diary import Diary
from samvad.gate.guard import JUDGED_S, Guard
from samvad.gate.house import TICK_MS
from samvad.gate.leader import Leader
from samvad.gate.leases import Leases
from samvad.gate.loop import STRANGERS, STRANGERS_TIGHT, Loop, Signals
from samvad.gate.probe import Probe
from samvad.gate.proof import LOOK_EVERY_S
from samvad.gate.register import EVENTS, Register
from samvad.gate.server import Server, listen
from samvad.gate.site import Released, Site
from samvad.gate.store import Store
from samvad.gate.uplink import UplinkClient
from samvad.gate.watch import Watch, counters_path
from samvad.protocol.journal import COUNTS
from samvad.protocol.plan import PlanFolder
from samvad.protocol.secret import make_secret, token_for
from samvad.protocol.uplink import Hello, Message

log = logging.getLogger("gate")

PLANS_EVERY_S = 0.25
LOOK_ALL_S = 2.0
FILE_TICK_MS = 50
ASSETS_EVERY_S = 2.0
WAITS_EVERY_S = 0.25
COUNTS_EVERY_S = 10.0
END_S = 2.0
NICE = -5
"""A listener's answer is a tenth of a millisecond's work; whoever else has the core would delay it
by several. The stage goes before (stage/main.py): without it there is nothing to hear."""
GARBAGE = 20_000
"""Objects more than there were, for the collector to look: a millisecond's work, and seldom."""
WRITE_S = 0.25
OTHER_FILES = 512
"""Descriptors kept for everything but connections."""


def main(data: Path, settings: Settings, index: int) -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean end. Raises PlainError."""
    base_log.set_up(settings.log.level)
    go_before(NICE)
    folders = Folders(data)
    try:
        folders.make()
        secret = make_secret(folders.secret)
        counters = Counters(counters_path(folders.run, index))
    except OSError as error:
        raise PlainError(
            f"The data folder {data} cannot be used: {error.strerror or error}.",
            "Make it writable for this user, or give another one with --data.",
        ) from None
    gate = replace(settings.gate, machine=settings.gate.machine or gethostname())
    files = Assets(assets())
    files.refresh()
    site: Site[Connection] = Site(
        secret=secret,
        settings=gate,
        folders=folders,
        assets=files,
        counters=counters,
        index=index,
        mirror_url=settings.attack.mirror_url,
        ticket_rate=settings.attack.ticket_rate,
    )
    plans = _Plans(folders.plans, site.register, counters)
    clock = SystemClock()
    loop = Loop(clock)
    plans.read(loop.moment)  # before the stage tells of their events, and before anybody asks
    signals = Signals(loop)
    guard = Guard(
        settings.attack,
        gate.connections_per_source,
        counters,
        proxies=settings.public.proxies,
        proxy_protocol=settings.public.proxy_protocol,
        run=folders.run,
        index=index,
        processes=gate.processes,
        rank_of=site.rank_of,
        fence=Path(settings.attack.fence or folders.run / "fence.sock"),
    )
    server = Server(loop, gate, counters, _most_connections(gate.connections), guard)
    watch = Watch(
        folders.run,
        gate.processes,
        counters,
        site.register.seen,
        lambda: guard.posture.state is State.ATTACK,
    )
    diary = Diary(folders.journal, f"gate-{index}", counters)
    climbers = Climbers(site.register, watch, diary)
    leader = Leader(
        folders.run,
        gate.processes,
        settings.attack.proof,
        gates=watch.gates,
        opened=site.register.listening,
        may_join_per_s=site.register.may_join_per_s,
        diary=diary,
    )
    store = Store(gate.store, gate.machine, gate.lease_s) if gate.store else None
    leases = Leases(site.register, watch, store, gate.lease_s) if store is not None else None

    def hear(message: Message) -> None:
        _resume(site.hear(message, loop.moment.now))

    uplink = UplinkClient(
        loop,
        settings.stage.uplink or str(folders.uplink),
        Hello(token_for(secret, "uplink"), f"gate-{index}"),
        hear,
        counters,
    )

    processor = _Processor(counters)
    probe = Probe(loop, clock, counters)

    def judge() -> Iterator[None]:
        yield from guard.judge_all(loop.moment)
        yield
        banned = guard.look(loop.moment.now)
        loop.strangers = STRANGERS_TIGHT if guard.books.tight else STRANGERS
        yield
        yield from server.send_off(banned)

    def each_second() -> Iterator[None]:
        processor.note()
        counters.beat(loop.moment.now)
        counters.set("loop_late_ms", int(loop.longest_turn_s * 1000))
        loop.longest_turn_s = 0.0
        _resume(site.forget_outlived(loop.moment.now))
        site.register.on_air(loop.moment)
        refused, voided = site.register.shared()
        counters.add("tickets_shared", refused)
        counters.add("tickets_voided", voided)
        yield
        guard.write_sight()
        yield
        site.knocks.level = guard.posture.effort
        site.prefer_mirror = guard.posture.state is State.ATTACK
        watch.each_second(loop.moment)
        yield
        climbers.each_second(loop.moment)
        yield
        leader.each_second(loop.moment)
        if leases is not None:
            leases.each_second(loop.moment)

    def read_assets() -> None:
        if files.refresh():
            log.info("the front end is read anew")

    def note_counts() -> None:
        at = loop.moment
        for event, counts in site.register.on_air(at):
            diary.note(event, COUNTS, at.wall_ms, **dataclasses.asdict(counts))

    try:
        server.add(listen(settings.public.host, gate.port, "[gate] port"), site)
        server.add(
            listen("127.0.0.1", gate.admin_port, "[gate] admin_port"),
            Admin(watch),
            ours=True,
        )
        loop.every(PLANS_EVERY_S, lambda: plans.read(loop.moment))
        loop.every(ASSETS_EVERY_S, read_assets)
        loop.every(LOOK_EVERY_S, site.register.look_at_proofs)
        loop.every(TICK_MS / 1000, lambda: _tick(site, loop))
        loop.every(WAITS_EVERY_S, lambda: _resume(site.expire(loop.moment.now)))
        loop.every(WRITE_S, counters.write)  # whoever leads sees what has just been seen
        loop.every_in_steps(JUDGED_S, judge)
        loop.every_in_steps(1.0, each_second)
        loop.every(COUNTS_EVERY_S, note_counts)
        log.info("gate %d listens on %s:%d", index, settings.public.host, gate.port)
        # What lives from here on lives long: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        # Nothing on the way of a request is in a cycle: what grows are connections.
        gc.set_threshold(GARBAGE, 20, 100)
        while not signals.came:
            loop.turn()
        _end(loop, server)
    finally:
        server.close()
        uplink.close()
        signals.close()
        probe.close()
        guard.close()
        leader.close()
        loop.close()
        diary.close()
        if store is not None:
            store.close()
        counters.end()
        gc.unfreeze()  # at the interpreter's end all is to be found, or extensions tell of leaks
    return 0


def _tick(site: "Site[Connection]", loop: Loop) -> None:
    site.register.tick(loop.moment)
    told = site.tell(loop.moment)
    _resume(told.hurried)
    _resume(told.calm, calm=True)


def _resume(released: Released[Connection], calm: bool = False) -> None:
    for connection, answer in released:
        connection.resume(answer, calm)


def _end(loop: Loop, server: Server) -> None:
    """Stop accepting; finish what is being sent, within END_S."""
    server.end()
    until = loop.moment.now + END_S
    while len(server) and loop.moment.now < until:
        loop.turn()


def _most_connections(wanted: int) -> int:
    """As many as are wanted and the open-files limit allows, which is raised if it can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):
            pass
    allowed = wanted if soft == resource.RLIM_INFINITY else soft - OTHER_FILES
    if allowed < wanted:
        log.info("the open-files limit allows %d connections, not %d", allowed, wanted)
    return max(16, min(wanted, allowed))


class _Processor:
    """Counts what processor time this process has had; the counter goes on after a restart."""

    def __init__(self, counters: Counters) -> None:
        self._counters, self._noted_ms = counters, 0

    def note(self) -> None:
        used_ms = time.process_time_ns() // 1_000_000
        self._counters.add("cpu_ms", used_ms - self._noted_ms)
        self._noted_ms = used_ms


class _Plans:
    """New plans, four times a second; the whole folder only when something in it was replaced,
    and every LOOK_ALL_S in any case."""

    def __init__(self, folder: Path, register: Register[Connection], counters: Counters) -> None:
        self._folder, self._register, self._counters = folder, register, counters
        self._plans = PlanFolder(folder)
        self._changed_ns = -1
        self._looked = float("-inf")

    def read(self, at: Moment) -> None:
        try:
            changed_ns = self._folder.stat().st_mtime_ns
        except OSError:
            return
        if changed_ns == self._changed_ns and at.now - self._looked < LOOK_ALL_S:
            return
        # Two changes within a tick of the file system's clock have one time: look once more.
        settled = abs(at.wall_ms - changed_ns // 1_000_000) > FILE_TICK_MS
        self._changed_ns, self._looked = changed_ns if settled else -1, at.now
        plans, complaints = self._plans.changed()
        for plan in plans:
            if not self._register.set_plan(plan):
                complaints.append(f"plan {plan.event}: more than {EVENTS} events, not taken")
        for complaint in complaints:
            self._counters.add("plan_complaints")
            log.warning("%s", complaint)
