"""One light listener, as a state machine. Pure: `now` (monotonic seconds) and answers in,
requests out; herd.py does the rest, for thousands of them.

    PAGE → ASSETS → DOOR ⇄ IN_LINE
                      ↓ admit
                    MASTER → FOLLOW → LEAVING → GONE
    DOOR ← 403, 410 ___|________|
    DOOR ← AWAY ← cut off at any time

It has `habit.lines` connections, numbered from 0. With plain HLS all goes over line 0, one
request at a time; with LL-HLS line 0 holds the blocking reload, line 1 fetches media and state.
"""

from random import Random

from samvad.rehearsal import tally as do
from samvad.rehearsal.answer import Head
from samvad.rehearsal.errands import Errands
from samvad.rehearsal.glance import resolve, unzip
from samvad.rehearsal.habit import Habit, Start
from samvad.rehearsal.lean import LeanStream, lean_stream
from samvad.rehearsal.library import Library
from samvad.rehearsal.place import HELD_S, PAUSE_S, Place
from samvad.rehearsal.proof import GOES_ON_S, Work
from samvad.rehearsal.retry import Retry
from samvad.rehearsal.sound import NEVER, Sound
from samvad.rehearsal.standing import Standing
from samvad.rehearsal.stream import Stream
from samvad.rehearsal.tally import Tally
from samvad.rehearsal.verdict import Said, Verdict, knock, leave, read_verdict

_LISTS = (do.PLAYLIST, do.RELOAD, do.LEAN)
IDLE, DISCARDED = -1, len(do.KINDS)
"""What a line does, when it is not one of the kinds of request."""
Ask = tuple[int, bytes, bool]
"""A request: its line, its bytes, and whether the body of the answer is wanted."""
Asks = tuple[Ask, ...]
NOTHING: Asks = ()

AT_PAGE, AT_ASSETS, AT_DOOR, IN_LINE, AT_MASTER, FOLLOWING, LEAVING, AWAY, GONE = range(9)
_BEGIN = {Start.PAGE: AT_PAGE, Start.DOOR: AT_DOOR, Start.PLAY: AT_MASTER}

_LEAVE_S = 3.0  # for the word to the door that one leaves
_SETTLED_S = 2.0
"""After this, serving.json (a second old at most) has every number that was let in."""


class Visit:
    """One listener who sets out at `now`. `play` is the path of its playlist (Start.PLAY).

    `drop_at`: when it is cut off, to come back `away_s` later; `leave_at`: when it goes for
    good; `tires_at`: when it does so if it is playing then. `due` and `tick` belong to the
    timers that wake it.
    """

    __slots__ = (
        *("_away_s", "_came_at", "_chance", "_doing", "_drop_at", "_errands", "_habit"),
        *("_leave_at", "_library", "_look", "_mark", "_next_at", "_play", "_retry", "_since"),
        *("_sounded", "_standing", "_state_at", "_stream", "_tally", "_ticket", "_tires_at"),
        *("_work", "due", "sound", "step", "tick"),
    )

    def __init__(
        self,
        habit: Habit,
        library: Library,
        tally: Tally,
        now: float,
        *,
        chance: Random,
        play: bytes = b"",
        leave_at: float = NEVER,
        drop_at: float = NEVER,
        away_s: float = 0.0,
        tires_at: float = NEVER,
    ) -> None:
        self._habit, self._library, self._tally, self._chance = habit, library, tally, chance
        self._play = play or (habit.path if habit.start is Start.PLAY else b"")
        self._leave_at, self._drop_at, self._away_s = leave_at, drop_at, away_s
        self._came_at = now
        self._doing = [IDLE] * habit.lines
        self._since = [0.0] * habit.lines
        self._tires_at = tires_at
        self._ticket, self._work = b"", Work()
        self._standing, self.sound = Standing(tally), Sound(tally)
        self._errands, self._retry = Errands(library), Retry()
        self._sounded, self._state_at = False, NEVER
        self._look = self._mark = b""
        self._enter(_BEGIN[habit.start], now)
        self.due, self.tick = now, 0
        tally.arrived += 1
        tally.here_now += 1

    def _enter(self, step: int, at: float) -> None:
        """Begin a step at `at`, knowing nothing of the stream."""
        self.step = step
        self._next_at = at
        self._stream: Stream | None = None
        for line, kind in enumerate(self._doing):
            if kind in (do.INIT, do.MEDIA, do.HELD, *_LISTS):
                self._doing[line] = DISCARDED
        every_s = self._habit.state_every_s
        if step == AT_MASTER and every_s and self._state_at == NEVER:
            self._state_at = at + every_s * self._chance.random()

    # -- time -------------------------------------------------------------------------------

    def wake(self, now: float) -> Asks | None:
        """`due` has come. None: it lets go of all its lines (cut off, or gone for good)."""
        if now >= self._tires_at:
            self._tires_at = NEVER
            if self.sound.dry_at < NEVER:
                self._leave_at = now
        if now >= self._leave_at or now >= self._drop_at:
            if now >= self._leave_at and self._can_say_leave():
                self._leave_at = now + _LEAVE_S
                self.sound.end(now)
                self._enter(LEAVING, now)
                return self._go_all(now)
            self._cut(now)
            return None
        if self.step == AWAY and now >= self._next_at:
            self._tally.came_back += 1
            self._tally.here_now += 1
            self._standing.back()
            self._enter(AT_MASTER if self._habit.start is Start.PLAY else AT_DOOR, self._next_at)
        return self._go_all(now)

    def _go_all(self, now: float) -> Asks:
        asks = self._go(0, now)
        if self._stream is not None:
            if self._second:
                asks += self._go(1, now)
        elif self.step == AT_ASSETS:
            for line in range(1, self._habit.lines):
                asks += self._go(line, now)
        self._set_due()
        return asks

    def _set_due(self) -> None:
        """The next moment at which something is to be done without an answer."""
        due = min(self._leave_at, self._drop_at, self._tires_at)
        stream, free = self._stream, self._doing[0] == IDLE
        if stream is not None:
            media_free = self._doing[1] == IDLE if stream.blocking else free
            state_at = NEVER if self._holds else self._state_at
            due = min(due, stream.due(self._next_at, state_at, free, media_free))
            if self._holds and self._doing[1] == IDLE:
                due = min(due, max(self._next_at, self._state_at))
        elif free:
            due = min(due, self._next_at, self._state_at)
        self.due = due

    @property
    def _holds(self) -> bool:
        """Whether a line of its own waits for news, beside one that names its media itself."""
        return self._habit.lines > 1 and isinstance(self._stream, LeanStream)

    @property
    def _second(self) -> bool:
        """Whether the second line is used, for media or for news."""
        return self._stream is not None and (self._stream.blocking or self._holds)

    def held_s(self, line: int) -> float:
        """How long an answer on this line may be held back."""
        return HELD_S if self._doing[line] == do.HELD else 0.0

    def _cut(self, now: float) -> None:
        self.sound.end(now)
        if self.step != AWAY:
            self._tally.here_now -= 1
            self._standing.away(gone=now >= self._leave_at)
        self._doing = [IDLE] * self._habit.lines
        self._state_at = NEVER
        if now >= self._leave_at:
            self._tally.left += 1
            self._leave_at = self._drop_at = self._tires_at = NEVER
            self._enter(GONE, NEVER)
        else:
            self._tally.dropped += 1
            self._drop_at = NEVER
            self._enter(AWAY, now + self._away_s)
        self._set_due()

    def end(self, now: float) -> None:
        """The trial is over. A request without an answer that is late already counts."""
        if self.step in (GONE, AWAY):
            return
        self.sound.look(now)
        self._standing.end(now)
        self._tally.unfinished += 1
        for kind, since in zip(self._doing, self._since, strict=True):
            if kind not in (IDLE, *do.MEANT) and now - since > 1.0:
                self._tally.answered(kind, now - since)
                self._tally.failed(f"{do.KINDS[kind]} unanswered")

    # -- what to ask next -------------------------------------------------------------------

    def _ask(self, line: int, kind: int, path: bytes, since: float, keep: bool) -> Asks:
        self._doing[line] = kind
        self._since[line] = since
        return ((line, b"GET " + path + self._habit.tail, keep),)

    def _go(self, line: int, now: float) -> Asks:
        """What a line does now, if it is idle."""
        if self._doing[line] != IDLE:
            return NOTHING
        if self._stream is not None:
            return self._follow(self._stream, line, now) if now >= self._next_at else NOTHING
        if self.step == AT_ASSETS:
            return self._fetch_asset(line, now)
        if now < self._next_at:
            return self._poll(line, now)
        since, self._next_at = self._next_at, NEVER
        if self.step == AT_PAGE:
            return self._ask(0, do.PAGE, self._habit.path, since, True)
        if self.step == AT_MASTER:
            return self._ask(0, do.MASTER, self._play, since, True)
        standing = self._standing.place
        if self.step == IN_LINE and standing is not None and standing.serving:
            look, self._look = self._look, b""
            kind = do.HELD if look else do.SERVING
            return self._ask(0, kind, standing.serving + look, since, True)
        if self.step == LEAVING:
            self._doing[0], self._since[0] = do.LEAVE, since
            return ((0, leave(self._door, self._habit.tail, self._ticket), False),)
        if (proof := self._work.go()) is None:
            self._next_at = now + GOES_ON_S
            return NOTHING
        self.step = AT_DOOR
        self._doing[0], self._since[0] = do.DOOR, since
        place = standing.token if standing is not None else b""
        return ((0, knock(self._door, self._habit.tail, self._ticket, place, proof), True),)

    @property
    def _door(self) -> bytes:
        """Its path."""
        page = self._library.page
        return page.door if page is not None else self._habit.path

    def _can_say_leave(self) -> bool:
        """Whether it holds a seat, has not yet said so, and has somewhere to say it."""
        if not self._habit.says_leave or not self._ticket or self.step in (LEAVING, AWAY, GONE):
            return False
        return self._habit.start is not Start.PLAY

    def _poll(self, line: int, now: float) -> Asks:
        if now < self._state_at:
            return NOTHING
        page = self._library.page
        path = page.state if page is not None else self._habit.state
        since, self._state_at = self._state_at, NEVER
        if not self._holds:
            return self._ask(line, do.STATE, path, since, False)
        kind, look = (do.HELD, b"?after=" + self._mark) if self._mark else (do.STATE, b"")
        return self._ask(line, kind, path + look, since, True)

    def _fetch_asset(self, line: int, now: float) -> Asks:
        wanted = self._errands.next(line)
        if wanted is not None:
            return self._ask(line, do.ASSET, wanted[0], now, wanted[1])
        if any(kind != IDLE for kind in self._doing):
            return NOTHING
        self._errands.done()
        self._enter(AT_DOOR, now)
        return self._go(0, now)

    def _follow(self, stream: Stream, line: int, now: float) -> Asks:
        if line == (1 if stream.blocking else 0):
            stream.advance(now)
            wanted = stream.media()
            if wanted is not None:
                return self._ask(line, wanted[0], wanted[1], stream.meant_at(now), False)
        if line == 0 and now >= stream.reload_at:
            since = stream.reload_at
            kind, path = stream.playlist()
            return self._ask(0, kind, path, since, True)
        return self._poll(line, now) if line or not self._second else NOTHING

    # -- what comes back --------------------------------------------------------------------

    def answered(self, line: int, head: Head, body: bytes, now: float) -> Asks:
        """The answer on `line` is complete; `body` only if it was wanted."""
        kind, since = self._doing[line], self._since[line]
        self._doing[line] = IDLE
        stream = self._stream
        if kind == DISCARDED:
            return self._go_all(now)
        self._tally.answered(kind, now - since)
        if head.status != 200 and not (kind == do.LEAVE and head.status < 300):
            self._not_given(kind, head, now)
        elif stream is not None and kind == do.MEDIA:
            self._heard(stream, now)
        elif stream is not None and kind in _LISTS:
            self._read_playlist(stream, kind, body, head.gzip, now)
        elif self._holds and kind in (do.STATE, do.HELD):
            self._mark = self._library.mark(body, head.gzip)
            self._state_at = now + PAUSE_S * (1 + self._chance.random())
        elif kind == do.STATE:
            self._poll_again(max(since, now - 1.0))
        elif stream is not None and kind == do.INIT:
            stream.had_init()
        elif kind in (do.SERVING, do.HELD):
            self._read_serving(body, head.gzip, now)
        elif kind == do.DOOR:
            self._read_verdict(body, head.gzip, now)
        elif kind == do.LEAVE:
            self._leave_at = now
        elif kind == do.MASTER:
            self._read_master(body, head.gzip, now)
        elif kind == do.PAGE:
            self._read_page(body, head.gzip, now)
        else:
            self._errands.read(line, body, head.gzip)
        return self._go_all(now)

    def broke(self, line: int, how: str, now: float) -> Asks:
        """There will be no answer on `line`."""
        kind, self._doing[line] = self._doing[line], IDLE
        if kind != DISCARDED:
            self._tally.answered(kind, now - self._since[line])
            self._tally.failed(f"{do.KINDS[kind]} {how}")
            self._again(kind, now, 0.0)
            if self._stream is not None:
                self._next_at = now + self._backoff()
                if kind in (do.INIT, do.MEDIA):
                    self._stream.lost_media()
        return self._go_all(now)

    def _not_given(self, kind: int, head: Head, now: float) -> None:
        status, stream = head.status, self._stream
        of_playlist = kind == do.MASTER or kind in _LISTS
        if of_playlist and status == 503 and self.sound.dry_at == NEVER:
            self._tally.not_yet += 1
            self._came_at = now  # there is nothing to be heard yet
        else:
            self._tally.failed(f"{do.KINDS[kind]} {status}")
        if of_playlist and status in (403, 410) and self._habit.start is not Start.PLAY:
            # As the page does: to the door again, with the ticket unless it is no good.
            self._ticket = b"" if status == 403 else self._ticket
            self.sound.rejoin()
            self._enter(AT_DOOR, now + self._backoff())
        elif stream is not None and kind == do.RELOAD and status == 400:
            # The gate is not where we are: it came back with an older or a newer window.
            self._tally.jumps += stream.rejoin(now)
            self.sound.rejoin()
        elif stream is not None and kind == do.INIT:
            stream.had_init()
        elif stream is not None and kind == do.MEDIA:
            stream.missed(now)
            self._tally.jumps += 1
        else:
            self._again(kind, now, head.retry_after_s)

    def _again(self, kind: int, now: float, retry_after_s: float) -> None:
        """What failed is asked for again, later."""
        in_line = kind == do.HELD and self.step == IN_LINE
        if in_line or kind in (do.PAGE, do.DOOR, do.MASTER, do.SERVING):
            self._next_at = now + max(retry_after_s, self._backoff())
        elif self._stream is not None and kind in _LISTS:
            self._stream.reload_at = now + max(retry_after_s, self._backoff())
        elif kind in (do.STATE, do.HELD):
            self._mark = b""
            self._poll_again(now)
        elif kind == do.LEAVE:
            self._leave_at = now

    def _backoff(self) -> float:
        return self._retry.wait_s(self._chance.random())

    def _poll_again(self, since: float) -> None:
        self._state_at = since + self._habit.state_every_s * (1 + self._chance.random() / 4)

    def _read_page(self, body: bytes, gzip: bool, now: float) -> None:
        page = self._library.read_page(self._habit.path, body, gzip)
        if page is None:
            self._tally.failed("page unreadable")
            self._again(do.PAGE, now, 0.0)
        elif self._habit.assets:
            self._enter(AT_ASSETS, NEVER)
            self._errands.begin(page.assets, self._habit.lines)
        else:
            self._enter(AT_DOOR, now)

    def _read_verdict(self, body: bytes, gzip: bool, now: float) -> None:
        try:
            verdict = read_verdict(unzip(body) if gzip else body, self._door)
        except ValueError:
            self._tally.failed("door unreadable")
            self._again(do.DOOR, now, 0.0)
            return
        self._retry.worked()
        self._standing.knocked(verdict)
        if verdict.said is Said.ADMIT:
            self._let_in(verdict, now)
        elif verdict.place is not None:
            self._line_up(verdict.place, now)
        else:
            self._refused(verdict, now)

    def _let_in(self, verdict: Verdict, now: float) -> None:
        place = self._standing.place
        waited_s = self._standing.let_in(now)
        if place is not None:
            if place.final:  # else its last word was another number
                self._library.let_in(place.lane, place.number, now)
            self._came_at += waited_s  # the wait is counted by itself
        self._ticket, self._play = verdict.ticket, verdict.play
        self._enter(AT_MASTER, NEVER if self._habit.door_only else now)
        if self._habit.door_only:
            self._leave_at = now

    def _line_up(self, place: Place, now: float) -> None:
        self._standing.line_up(place, now)
        self._look = b""
        spread = 0.75 + self._chance.random() / 4 if place.serving else 1.0
        self._enter(IN_LINE, now + place.again_s * spread)
        self._state_at = NEVER  # serving.json has all that state.json would tell

    def _refused(self, verdict: Verdict, now: float) -> None:
        if self._work.begin(verdict.solver):  # no refusal yet: there is work to do first
            self._enter(AT_DOOR, now)
            return
        self._tally.refuse(verdict.reason)
        if verdict.reason not in ("closed", "full"):  # then its place is still good
            self._standing.lose()
        if verdict.reason == "reduced":
            self._ticket = b""
        if verdict.again_s is None or self._habit.door_only:
            self._leave_at = now
        else:
            if verdict.reason == "not_open":
                self._came_at = now + verdict.again_s
            self._enter(AT_DOOR, now + verdict.again_s)

    def _read_serving(self, body: bytes, gzip: bool, now: float) -> None:
        """serving.json is here."""
        place = self._standing.place
        if place is None or self.step != IN_LINE:
            return
        try:
            serving = self._library.serving(body, gzip)
        except ValueError:
            self._tally.failed("serving unreadable")
            self._again(do.SERVING, now, 0.0)
            return
        self._retry.worked()
        self._tally.out_of_order += self._library.went_back(serving, self._since[0] - _SETTLED_S)
        if place.has_news(serving):
            self._enter(AT_DOOR, now)
        else:
            self._look = place.until(serving)
            chance = self._chance.random()
            pause_s = PAUSE_S * chance if self._look else place.wait_s(serving, chance)
            self._next_at = now + pause_s

    def _read_master(self, body: bytes, gzip: bool, now: float) -> None:
        since = self._since[0]
        variants = self._library.variants(body, gzip)
        self._enter(FOLLOWING, now)
        low = self._habit.low and self._habit.lines > 1
        if variants is None:  # a media playlist all by itself
            self._stream = Stream(self._play, low, NEVER)
            self._since[0] = since
            self._read_playlist(self._stream, do.PLAYLIST, body, gzip, now)
            return
        wanted = (uri for codecs, uri in variants if codecs.startswith(self._habit.rendition))
        path = resolve(self._play, next(wanted, variants[0][1]))
        self._stream = lean_stream(path, self._habit, self._chance, now) or Stream(path, low, now)

    def _read_playlist(
        self, stream: Stream, kind: int, body: bytes, gzip: bool, now: float
    ) -> None:
        try:
            if isinstance(stream, LeanStream):
                stream.learn(self._library.names(body, gzip), now, self._chance, self._tally)
                return
            glance = self._library.glance(body, gzip)
        except ValueError:
            self._tally.failed(f"{do.KINDS[kind]} unreadable")
            self._again(kind, now, 0.0)
            return
        changed = stream.read(glance, self._tally)
        self._tally.stale += stream.stands_still(now, changed)
        stream.pace(self._since[0], now, changed, self._habit.reload_s, self._tally)
        if stream.over:
            self._leave_at = min(self._leave_at, max(now, self._end_of_sound(now)))

    def _heard(self, stream: Stream, now: float) -> None:
        """A piece is complete."""
        if not self._sounded:
            self._sounded = True
            self._tally.first_sound.add(now - self._came_at)
        self.sound.add(now, stream.had_piece())
        self._retry.worked()
        if stream.over:
            self._leave_at = min(self._leave_at, self._end_of_sound(now))

    def _end_of_sound(self, now: float) -> float:
        return now if self.sound.dry_at == NEVER else self.sound.dry_at
