"""The watch at the entrance of one gate process: budgets at accept, looks at connections in turn,
blame twice a second, bans. Beside the path of a request: it is asked when a connection comes, and
otherwise works in ticks.

What it decides with is pure: sources.py, behaviour.py. What it shares with the other processes
is bans.py and posture.py.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from samvad.base.clock import Moment
from samvad.base.settings_attack import AttackSettings
from samvad.gate.bans import Ban, Bans
from samvad.gate.behaviour import WINDOW_S, Blame, Kind, judge
from samvad.gate.connection import Connection
from samvad.gate.connection_state import State
from samvad.gate.counters import INDEX, Counters
from samvad.gate.detect import State as Danger
from samvad.gate.fence_link import FenceLink
from samvad.gate.insist import Void
from samvad.gate.posture import QUIET, Posture, posture_path, read
from samvad.gate.reading import SLOW_S
from samvad.gate.rounds import Rounds
from samvad.gate.sight import Sight, sight_path
from samvad.gate.sources import BURST_S, Book, Books, Entry, Rank
from samvad.protocol.client_addr import Networks

NEW_LOOKED_AT, LOOKED_AT = 240, 150
"""Connections looked at in one tick: of those that have proven nothing, for they alone can be what
holds on, thousands a second; and of the others, of whom only the pace is of interest, so that a
crowd on air costs half a hundredth of a core."""
TICK_S = 0.05
"""Often, and a few: while they are looked at nobody is answered."""
ROUND_S = 0.25
"""Where connections are few, each is looked at so often."""
JUDGED_S = 0.5
"""So often sources are judged: a flood goes on until its sources are known."""
AT_ONCE_S = 3.0
HOLDS_ON_S = SLOW_S
"""A connection that is silent, or stuck, for so long holds on to nothing but itself."""
UNPROVEN_S = HOLDS_ON_S + 1.0
"""What has proven nothing for so long would have been seen to hold on, if it did."""
DULL_TIGHT_S = 6.0
"""So long a reader that has proven nothing may take next to nothing while an attack is seen; at
other times, and if it is at a door, as long as any (send_timeout_s). A listener's own connection
is not looked at: what its line does not bring through is nobody's harm."""
FORWARDED = 50
"""A source behind a proxy may ask as much as so many connections: a school is one source."""
CAUGHT = 3
"""A blamed source is remembered for so many windows."""
_PASSES, _UNPROVEN, _SILENT, _STUCK = 0, INDEX["unproven"], INDEX["silent"], INDEX["stuck"]
"""What a connection is doing when it is looked at: nothing of interest, or what a gauge counts."""
PRESSES, PRESSES_TIGHT = 20, 1
"""So many connections of a banned source within a window are worth a word to the fence, at other
times and while an attack is seen."""
STEP, THOUGHT_OF = 40, 200
"""Sources judged, and thought of for the fence, in one step: half a millisecond's work."""
CHARGED: dict[str, str] = {
    Kind.TICKETS: "harm_gone",
    Kind.MUTE: "harm_mute",
    Kind.DOOR: "harm_door",
    Kind.PAGES: "harm_pages",
    Kind.PACE: "harm_pace",
}
"""Kinds of which only the blame tells that it was harm, with the counter of their acts."""


class Found(NamedTuple):
    """What a part of a walk found: those that ask too fast, and readers that are too slow."""

    fast: list[Connection]
    dull: list[Connection]


class Guard:
    """`rank_of`: what the target of a request that was not refused proves (Site.rank_of)."""

    def __init__(
        self,
        settings: AttackSettings,
        connections_per_source: int,
        counters: Counters,
        *,
        proxies: str = "",
        proxy_protocol: bool = False,
        run: Path | None = None,
        index: int = 0,
        processes: int = 1,
        fence: Path | None = None,
        rank_of: Callable[[bytes], Rank] | None = None,
    ) -> None:
        """Without `run` nothing is shared, and nobody is banned. `fence`: the helper's socket."""
        self.books = Books(connections_per_source, settings.connections_rate)
        self.proxies = Networks(proxies)
        self.proxy_protocol = proxy_protocol
        self.posture: Posture = QUIET
        self.bans = Bans(run / "attack" / "bans") if run is not None and settings.bans else None
        self._fence = FenceLink(fence) if fence is not None else None
        self._fenced: dict[str, float] = {}
        """Sources handed over to the fence, and until when they are banned."""
        self.read_rate = settings.read_rate
        self._settings, self._counters = settings, counters
        self._hasty = 2 * settings.requests_rate * BURST_S
        """Requests of a source within a window from which on `_pace` may blame it."""
        self._allow = Networks(settings.allow)
        self._posture_file = posture_path(run) if run is not None else None
        self._sight, self._sight_file = Sight(), sight_path(run, index) if run is not None else None
        self._processes = processes
        self._rank_of = rank_of or (lambda target: Rank.NEW)
        self._window_ends = float("-inf")
        self.new: OrderedDict[Connection, None] = OrderedDict()
        """Connections that have proven nothing, as far as is known, the oldest first."""
        self._newest: Rounds[Connection] = Rounds(lambda: self.new, ROUND_S)
        self.head_s, self.send_s = 10.0, 30.0
        """The server's deadlines: how long something has gone on is read from what is left."""

    # -- at accept --------------------------------------------------------------------------

    def is_banned(self, source: str, now: float) -> bool:
        if self.bans is None or not self.bans.now:
            return False
        ban = self.bans.now.get(source)
        return ban is not None and ban.until > now

    def enter(self, source: str, now: float) -> tuple[Book, Entry]:
        """A new connection of `source`."""
        books, bans = self.books, self.bans
        book = books.of(source, now)
        if bans is not None and bans.now and self.is_banned(source, now):
            book.tally.turned += 1
            books.busy.add(book)
            return book, Entry.BANNED
        return book, books.enter(book, now)

    def may_ask(self, book: Book, now: float) -> bool:
        """One more request of a client whose connection is a proxy's."""
        most = self._settings.requests_rate * BURST_S * FORWARDED
        book.left = min(most, book.left + (now - book.at) * most / BURST_S)
        book.at = now
        if book.left < 1.0:
            return False
        book.left -= 1.0
        return True

    def gone(self, connection: Connection, now: float) -> None:
        """It is about to close: how far did it come?"""
        self.look_at(connection)
        if connection.seen_as:
            self._sees(connection, _PASSES)
        self.new.pop(connection, None)
        book, rank = connection.book, connection.rank
        if connection.asked == 0:
            book.tally.mute += not connection.refused  # that was counted as what it was
        # A browser keeps what it has opened; who fetches a page from a connection each does not.
        elif now - connection.born < AT_ONCE_S:
            if rank is Rank.NEW and connection.last:
                book.tally.shallow += 1
                self._counters.add("hit_and_run")
            elif rank is Rank.NEW and connection.void is not None:
                book.tally.gone += 1  # it came with a ticket that is void, and for nothing else
            elif connection.asked <= 2 and _only_knocked(connection):
                book.tally.bare += 1
                book.tally.deep -= rank is Rank.DEEP
                self._counters.add("hit_and_run")
        book.proven -= rank is Rank.PROVEN
        book.far -= rank is not Rank.NEW
        self.books.gone(book)

    def shows_void(self, connection: Connection, now: float) -> None:
        """It shows a ticket that is void. Again and again, that is harm, whoever does it; and it is
        no listener until it shows a good one."""
        connection.void = void = connection.void or Void()
        book, rank = connection.book, connection.rank
        if not void.again(now) or book.source in self.proxies:
            return  # of a proxy's each request is another client's
        self.books.busy.add(book)
        book.tally.gone += 1
        book.counted += 1
        self._counters.add("harm_gone")
        if rank is not Rank.NEW:
            book.proven -= rank is Rank.PROVEN
            book.far -= 1
            connection.ranks(Rank.NEW)
            self.new[connection] = None

    # -- in ticks ---------------------------------------------------------------------------

    def rank(self, connection: Connection) -> Rank:
        """What it has proven by now."""
        if connection.rank is not Rank.PROVEN and connection.last:
            rank = self._rank_of(connection.last)
            if rank > connection.rank:
                if connection.rank is Rank.NEW:
                    connection.book.tally.deep += 1
                    connection.book.far += 1
                    self.new.pop(connection, None)
                    self._sees(connection, _PASSES)
                if rank is Rank.PROVEN:
                    connection.book.proven += 1
                connection.ranks(rank)
        return connection.rank

    def look_at(self, connection: Connection) -> int:
        """Its share of its source's book; how many requests since the last look."""
        asked = connection.asked - connection.seen
        if asked:
            connection.seen = connection.asked
            book = connection.book
            book.tally.requests += asked
            # Requests that are answered blame nobody, but for their pace.
            hasty = book.tally.requests > self._hasty
            (self.books.busy if hasty else self.books.calm).add(book)
        self.rank(connection)
        return asked

    def walk(self, others: Rounds[Connection], now: float) -> Found:
        """Look at the next connections; `others`: who are not `new`."""
        found = Found([], [])
        new = self._newest.part(NEW_LOOKED_AT, now)
        self._look(new, self._newest.took_s, now, found)
        self._look(others.part(LOOKED_AT, now), others.took_s, now, found)
        found.fast[:] = [one for one in found.fast if one.book.source not in self._allow]
        return found

    def _look(
        self, connections: Iterable[Connection], since_s: float, now: float, found: Found
    ) -> None:
        """They were looked at last `since_s` ago."""
        rate, stale, old = self._settings.requests_rate, now - HOLDS_ON_S, now - UNPROVEN_S
        most = rate * since_s
        # An enum's look-up is dear:
        new, proven, closed, sending = Rank.NEW, Rank.PROVEN, State.CLOSED, State.SENDING
        for connection in connections:
            state = connection.state
            if state is closed:
                continue
            asked = connection.asked - connection.seen
            if asked:
                self.look_at(connection)
                # A page load may be as fast as it likes.
                if asked > most and connection.asked > rate * BURST_S:
                    found.fast.append(connection)
            elif connection.rank is new:
                self.rank(connection)
            rank = connection.rank
            if rank is proven:
                continue  # of a listener nothing else is of interest
            does = _UNPROVEN if rank is new and connection.born < old else _PASSES
            until = connection.deadline
            if state is sending:
                if rank is new and until < stale + self.send_s:
                    does = _STUCK
            elif connection.unfinished or not connection.asked:
                # A browser opens connections that it may need, beside those it listens by.
                alone = not connection.book.far and not connection.book.tally.deep
                if alone and until < stale + self.head_s:
                    does = _SILENT
            elif asked or connection.reading is not None:
                dull_s = connection.dull_s(now)
                if rank is new and dull_s >= HOLDS_ON_S:
                    does = _STUCK
                if dull_s >= (DULL_TIGHT_S if self._tight(rank) else self.send_s):
                    found.dull.append(connection)
            if does != connection.seen_as:
                self._sees(connection, does)

    def _sees(self, connection: Connection, does: int) -> None:
        """What it is doing from now on, as far as is known."""
        before, values = connection.seen_as, self._counters.values
        if before:
            values[before] -= 1
            values[_UNPROVEN] -= before != _UNPROVEN
        if does:
            values[does] += 1
            values[_UNPROVEN] += does != _UNPROVEN
        connection.seen_as = does

    def rests(self, connection: Connection) -> None:
        """It waits for news, and there is nothing to see in it for a while."""
        self.look_at(connection)
        self._sees(connection, _PASSES)

    def _tight(self, rank: Rank) -> bool:
        """Whether one of that rank has less time than at other times."""
        return self.books.tight and rank is Rank.NEW

    def judge_all(self, at: Moment) -> Iterator[None]:
        """Blame whom there is to blame, a few in each step: a flood has thousands of sources."""
        yield from self._hand_over(at.now)
        self._sight.turn(at.wall_ms)
        tight = self.books.tight
        for number, book in enumerate(self.books.to_judge()):
            if number % STEP == STEP - 1:
                yield
            if not book.known and book.tally.accepts:
                book.known = True
                self._sight.came(book.source)
            blame = judge(book.tally, book.proven, self._processes, tight) or self._pace(book)
            if blame is not None:
                self._blame(book, blame, at)
            if book.kind is not None:
                self._charge(book, book.kind)
        if at.now >= self._window_ends:
            self._window_ends = at.now + WINDOW_S
            yield from self.books.turn()

    def write_sight(self) -> None:
        """For the leader: who came, and who did harm. Raises OSError."""
        if self._sight.seen and self._sight_file is not None:
            self._sight.write(self._sight_file)

    def look(self, now: float) -> list[str]:
        """What the other processes have done; the sources that are banned from now on."""
        if self._posture_file is not None:
            self.posture = read(self._posture_file)
            self.books.tight = self.posture.state is Danger.ATTACK
        if self.bans is None:
            return []
        fresh = self.bans.look(now)
        self._counters.set("banned", len(self.bans.now))
        return fresh

    def _pace(self, book: Book) -> Blame | None:
        """Whether its requests are more than all its connections may make."""
        tally = book.tally
        at_once = max(1, book.open + tally.accepts // 10)
        most = self._settings.requests_rate * BURST_S * (at_once + book.proven)
        if tally.requests <= 2 * most or book.source in self._allow:
            return None
        over = int(tally.requests - most)
        return Blame(Kind.PACE, over, over / tally.requests)

    def _blame(self, book: Book, blame: Blame, at: Moment) -> None:
        book.caught, book.kind = CAUGHT, blame.kind
        allowed = book.source in self._allow or book.source in self.proxies
        if allowed:
            return
        book.blocked = True
        if self.bans is None or book.proven:
            return  # somebody behind that address is listening: only newcomers are held off
        ban = self.bans.ban(book.source, at.now, self._settings.ban_s)
        if ban is not None:
            self._counters.add("bans")

    def _hand_over(self, now: float) -> Iterator[None]:
        """To the fence: those who were banned before, and who press although they are banned."""
        if self._fence is None or self.bans is None:
            return
        self._fenced = {s: until for s, until in self._fenced.items() if until > now}
        most = PRESSES_TIGHT if self.books.tight else PRESSES
        bans = [ban for source, ban in self.bans.now.items() if source not in self._fenced]
        for start in range(0, len(bans), THOUGHT_OF):
            pressing: list[Ban] = []
            for ban in bans[start : start + THOUGHT_OF]:
                book = self.books.find(ban.source)
                if book is not None and (ban.strikes > 1 or book.tally.turned >= most):
                    pressing.append(ban)
            told = {ban.source: ban.until for ban in self._fence.hand_over(pressing, now)}
            self._fenced |= told
            self._counters.add("fenced", len(told))
            yield

    def _charge(self, book: Book, kind: str) -> None:
        """What a blamed source has done since it was charged last. What has counters of its own,
        whoever does it, is not counted twice."""
        tally = book.tally
        acts = tally.requests + tally.mute + tally.bad + tally.slow + tally.turned
        new = acts - book.charged
        if new <= 0:
            return
        book.charged = acts
        self._sight.harmed(book.source, new)
        counter = CHARGED.get(kind)
        if counter is not None and not book.proven:
            # A request may be counted in another window than its refusal: void tickets are told.
            void = kind == Kind.TICKETS
            done = tally.gone if void else tally.requests + tally.mute - tally.forged
            own = max(0, done - book.counted)
            book.counted += own
            self._counters.add(counter, own)

    def close(self) -> None:
        if self.bans is not None:
            self.bans.close()
        if self._fence is not None:
            self._fence.close()


def _only_knocked(connection: Connection) -> bool:
    target = connection.last
    return target.startswith(b"/door/") and target.count(b"/") == 2
