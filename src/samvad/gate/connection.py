"""One connection: bytes in, requests out of them, answers back. Every call may fail."""

import contextlib
import socket
from socket import SocketType as Socket
from typing import TYPE_CHECKING

from samvad.gate.answerer import Answerer
from samvad.gate.answers import CONTINUE, FORGED, REFUSALS, VOID, Answer, rest
from samvad.gate.connection_state import Standing, State
from samvad.gate.counters import INDEX
from samvad.gate.http1 import Fields, Refused, Request, Wanted, take
from samvad.gate.insist import Insisting, Void
from samvad.gate.loop import IN, OUT
from samvad.gate.reading import Reading, look, reset_at_close
from samvad.gate.sources import Book, Rank
from samvad.gate.spans import FileSpan, splice

if TYPE_CHECKING:
    from samvad.gate.server import Server

READ = 16 * 1024
PIPELINED, PIPELINED_NEW = 16, 4
"""Requests of one connection answered before others have their turn; of a stranger's."""
LINGER_S = 1.0
LINGER_BYTES = 256 * 1024

_REQUESTS, _BYTES, _LOST = INDEX["requests"], INDEX["bytes"], INDEX["lost"]
_MALFORMED, _NONSENSE = INDEX["malformed"], INDEX["nonsense"]
_FORGED = INDEX["tickets_forged"]
_NONSENSICAL = (400, 404, 405)
_2XX = INDEX["answers_2xx"]
_MORE = socket.MSG_MORE
_CLASS = [0, 0] + [INDEX[f"answers_{n}xx"] for n in range(2, 6)]

READING, QUEUED, WAITING = State.READING, State.QUEUED, State.WAITING
SENDING, LINGERING, CLOSED, NEW = State.SENDING, State.LINGERING, State.CLOSED, Rank.NEW


class Connection(Standing):
    __slots__ = (
        *("_asked", "_calm", "_discarded", "_eof", "_insists", "_known", "_mask", "_out"),
        *("_server", "_site", "_sock", "_span", "_unfinished", "_watched"),
        *("asked", "book", "born", "bucket", "deadline", "fd", "last", "rank", "reading", "seen"),
        *("seen_as", "served", "void"),
    )

    def __init__(
        self, server: "Server", site: Answerer, sock: Socket, book: Book, rank: Rank
    ) -> None:
        self._server, self._site, self._sock = server, site, sock
        self.book = book
        """Its source's."""
        self.born = server.loop.moment.now
        self.asked = self.seen = 0
        """Requests, and how many of them were when it was looked at last."""
        self.last = b""
        """The last target that was not refused; how far it has come is read from it."""
        self.rank = rank
        self.seen_as = 0
        self.void: Void | None = None
        """The guard's notes: what it was doing at the last look, and of void tickets it showed."""
        self.reading: Reading | None = None
        """While the kernel holds something for it, as far as was looked (`dull_s`)."""
        super().__init__()
        self.fd = sock.fileno()
        self._mask, self._watched = IN, False
        self._calm = False
        """Whether the loop looks at it seldom (`Loop.calm`)."""
        self._known: Fields | None = None
        """The last request's fields, for the next will have the same."""
        self._insists: Insisting | None = None
        """It has shown a forged ticket."""
        self._unfinished = self._eof = self.served = False
        self._asked: Request | None = None
        self._out: list[memoryview] = []
        self._span: FileSpan | None = None
        self._discarded = 0
        self.deadline = self.born + server.head_s
        self.bucket = 0

    # -- in ---------------------------------------------------------------------------------

    def begin(self) -> bool:
        """Whoever connects has something to ask, and most of the time it is here already. Whether
        there is more to come: who says "close" is served and gone, and was never watched."""
        try:
            self.ready(IN)
            if self.state is not CLOSED:
                self._server.loop.watch(self.fd, self, self._mask, stranger=self.rank is NEW)
                self._watched = True
        except OSError:  # no memory to watch one more
            self.close()
        except Exception:
            self.broken()
        return self._watched

    def ready(self, mask: int) -> None:
        if mask & OUT and self.state is SENDING:
            if self._flush():
                self._answered()
            if self.state is CLOSED or not mask & ~OUT:
                return
        try:
            data = self._sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._lose()
            return
        if not data:
            self._end_of_input(mask)
        elif self.state is READING:
            if self._data:
                self._serve(self._data + data)
            elif not (self._answered_at_once(data) or self._refused_again(data)):
                self._serve(data)
        else:
            self._keep_for_later(data)

    def _keep_for_later(self, data: bytes) -> None:
        if self.state is LINGERING:
            self._discarded += len(data)
            if self._discarded > LINGER_BYTES:
                self.close()
            return
        self._data += data
        if len(self._data) >= READ:
            self._watch(self._mask & ~IN)

    def _end_of_input(self, mask: int) -> None:
        """The peer sends no more. What it has asked for it gets, unless that does not exist."""
        gone = mask & ~(IN | OUT)
        if self.state in (SENDING, QUEUED) and not gone:
            self._eof = True
            self._watch(self._mask & ~IN)
        else:
            self.close()

    def _serve(self, data: bytes) -> None:
        """Answer the requests in `data`, as far as that goes without waiting."""
        server = self._server
        at, count = server.loop.moment, server.count
        self._data = b""
        for _ in range(PIPELINED_NEW if self.rank is NEW else PIPELINED):
            request, taken = take(data, self._known)
            if type(request) is not Request:
                self._data = data
                if isinstance(request, Refused):
                    self._refuse(request.status)
                elif isinstance(request, Wanted):
                    self._await(request)
                return
            count[_REQUESTS] += 1
            self.asked += 1
            self.last = request.target
            data = data[taken:]
            if request.fields is not self._known:
                self._known = request.fields if request.fields.usual else None
            self.served = True
            self._unfinished = False
            self.deadline = at.now + server.idle_s
            try:
                answer = self._site.answer(request, self, at)
            except OSError:
                server.lacked()
                answer = REFUSALS[503]
            except Exception:
                server.crashed()
                answer = REFUSALS[500]
            if answer is None:
                self.state, self._asked, self._data = WAITING, request, data
                return
            if self._calm:
                self._rouse()
            self._send(answer, request)
            if not data:
                return
            if self.state is not READING:
                self._data = data
                return
        self._data = data
        self._queue()

    def _answered_at_once(self, data: bytes) -> bool:
        """The most usual request: nothing is new but the target, and that is known."""
        known, server = self._known, self._server
        if known is None or not known.tail or self._calm:
            return False
        if not data.endswith(known.tail) or not data.startswith(b"GET "):
            return False
        at, target = server.loop.moment, data[4 : -len(known.tail)]
        try:
            answer = self._site.at_once(target, known, self, at)
        except Exception:
            return False  # and the long way meets it too
        if answer is None:
            return False
        server.count[_REQUESTS] += 1
        self.asked += 1
        self.last = target
        self.deadline = at.now + server.idle_s
        if answer.small and answer.status == 200 and not server.ending:
            server.count[_2XX] += 1
            self._send_whole(answer.wire(server.loop.date), answer.span)
        else:
            self._send(answer, Request(b"GET", target, known))
        return True

    def _refused_again(self, data: bytes) -> bool:
        """The same bytes once more, when all that has come is one more forged ticket."""
        server, insists = self._server, self._insists
        at, count = server.loop.moment, server.count
        if insists is None or self._calm or server.ending or not insists.refuses(data, at.wall_ms):
            return False
        count[_REQUESTS] += 1
        count[_FORGED] += 1
        count[_CLASS[4]] += 1
        self.asked += 1
        self.deadline = at.now + server.idle_s
        self.book.forged()
        self._send_whole(FORGED.wire(server.loop.date))
        return True

    def _await(self, wanted: Wanted) -> None:
        """A request is not complete. Its time runs from its first byte and is not prolonged."""
        if not self._unfinished:
            self._unfinished = True
            self._server.stirs(self)
            self._server.set_deadline(self, self._server.head_s)
        if wanted is Wanted.CONTINUE:
            try:
                self._sock.send(CONTINUE)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError:
                self._lose()

    def _refuse(self, status: int) -> None:
        """Constant bytes, and the end: where the next request would begin is not certain."""
        self._server.count[_MALFORMED] += status != 408  # that one has a count of its own
        self._data = b""
        self._then = LINGERING
        self._send(REFUSALS[status], None)

    def _queue(self) -> None:
        self.state = QUEUED
        self._server.loop.soon(self._go_on, stranger=self.rank is NEW)

    def _go_on(self) -> None:
        if self.state is not QUEUED:
            return
        self.state = READING
        try:
            self._serve(self._data)
        except Exception:
            self.broken()
        if self.state is READING:
            self._read_on()

    def _read_on(self) -> None:
        """All that was at hand is answered."""
        if self._eof:
            self.close()
        else:
            self._watch(IN)

    def ranks(self, rank: Rank) -> None:
        """What it has proven. Whoever has proven nothing goes last."""
        self.rank = rank
        if self._watched and self.state is not CLOSED:
            with contextlib.suppress(OSError):  # then it has its turn as before
                self._server.loop.know(self.fd, self._mask, stranger=rank is NEW)

    def resume(self, answer: Answer, calm: bool = False) -> None:
        """What was waited for. `calm`: what it asks for next will be in no hurry."""
        if calm and not self._calm and self.state is WAITING:
            self._calm = self._server.loop.calm(self.fd, self._mask)
            if self._calm:
                self._server.rests(self)
        elif self._calm and not calm:
            with contextlib.suppress(OSError):  # then it is only looked at less often
                self._rouse()
        asked, self._asked = self._asked, None
        assert asked is not None
        self.state = READING
        self._send(answer, asked)
        if self.state is READING:
            self._answered()

    def _rouse(self) -> None:
        """It is in a hurry again. Raises OSError."""
        self._server.loop.rouse(self.fd, self._mask, stranger=self.rank is NEW)
        self._calm = False
        self._server.stirs(self)

    def give_up_waiting(self) -> None:
        """Nobody will call `resume` any more: the process ends."""
        self._site.drop(self)
        self.resume(REFUSALS[503])

    # -- out --------------------------------------------------------------------------------

    def _send(self, answer: Answer, request: Request | None) -> None:
        """Hand an answer to the kernel; what does not fit is kept as views of the ready bytes."""
        server = self._server
        if (request is not None and request.close) or server.ending:
            self._then = CLOSED
        last = self._then is not READING
        date = server.loop.date_close if last else server.loop.date
        pieces: tuple[bytes, ...]
        if request is not None and request.method == b"HEAD":
            pieces = (answer.head, date)
        else:
            pieces = (answer.wire(date),) if answer.small else (answer.head, date, *answer.body)
            self._span = answer.span
        kind = answer.status // 100
        server.count[_CLASS[kind]] += 1
        if kind == 4:
            self.last = b""
            if answer is VOID:
                server.guard.shows_void(self, server.loop.moment.now)
            self.book.blame(answer.status)
            if request is not None and answer.status in _NONSENSICAL:
                server.count[_NONSENSE] += 1
            elif answer is FORGED and request is not None:
                self._insists = self._site.insisting(request)
        # What follows at once, the rest or the end of the connection, goes in the same packet.
        more = _MORE if last or self._span is not None else 0
        try:
            if len(pieces) == 1:
                sent, total = self._sock.send(pieces[0], more), len(pieces[0])
            else:
                sent, total = self._sock.sendmsg(pieces, (), more), sum(map(len, pieces))
            server.count[_BYTES] += sent
            if sent < total:
                self._out = rest(pieces, sent)
            elif self._span is None or self._splice():
                if last:
                    self._finish()
                return
        except (BlockingIOError, InterruptedError):
            self._out = rest(pieces, 0)
        except OSError:
            self._lose()
            return
        self._wait_for_room()

    def _send_whole(self, wire: bytes, span: FileSpan | None = None) -> None:
        """An answer after which the connection goes on, in one piece but for its span, for whom
        each microsecond counts."""
        try:
            sent = self._sock.send(wire) if span is None else self._sock.send(wire, _MORE)
            if sent < len(wire):
                self._out = rest((wire,), sent)
            elif span is not None:
                span, taken = splice(self.fd, span)
                sent += taken
            self._server.count[_BYTES] += sent
            if span is None and not self._out:
                return
        except (BlockingIOError, InterruptedError):
            self._out = rest((wire,), 0)
        except OSError:
            self._lose()
            return
        self._span = span
        self._wait_for_room()

    def _wait_for_room(self) -> None:
        self.state = SENDING
        self._server.stirs(self)
        self._server.set_deadline(self, self._server.send_s)
        self._watch(self._mask | OUT)

    def _flush(self) -> bool:
        """Send what is left of the answer; whether that was all."""
        server = self._server
        before = server.count[_BYTES]
        try:
            while self._out:
                sent = self._sock.sendmsg(self._out)
                server.count[_BYTES] += sent
                self._out = rest(self._out, sent)
            if self._span is not None and not self._splice():
                return self._took(server.count[_BYTES] - before)
        except (BlockingIOError, InterruptedError):
            return self._took(server.count[_BYTES] - before)
        except OSError:
            self._lose()
            return False
        self.state = READING
        self._watch(self._mask & ~OUT)
        return True

    def _took(self, taken: int) -> bool:
        """A part of the answer. A reader has as much more time as that part may take at the
        slowest that is borne, so who takes a byte now and then gains nothing by it."""
        most = self._server.loop.moment.now + self._server.send_s
        self.deadline = min(most, self.deadline + taken / self._server.read_rate)
        return False

    def _splice(self) -> bool:
        """Let the kernel send what it takes of the span; whether that was all. Raises OSError."""
        assert self._span is not None
        self._span, sent = splice(self.fd, self._span)
        self._server.count[_BYTES] += sent
        return self._span is None

    def _answered(self) -> None:
        """An answer that took its time is sent."""
        if self._then is not READING:
            self._finish()
            return
        self.deadline = self._server.loop.moment.now + self._server.idle_s
        if self._data:
            self._queue()
        else:
            self._read_on()

    # -- the end ----------------------------------------------------------------------------

    def _finish(self) -> None:
        """The last answer is sent. To close with unread input would make the kernel send a reset,
        which can overtake it; so after a refusal the peer is given time to read."""
        try:
            self._sock.shutdown(socket.SHUT_WR)  # a close alone could drop what is not sent yet
        except OSError:
            self.close()
            return
        if self._then is not LINGERING or self._eof:
            self.close()
            return
        self.state = LINGERING
        self._watch(IN)
        self._server.set_deadline(self, LINGER_S)

    def _watch(self, mask: int) -> None:
        if mask != self._mask:
            self._mask = mask
            if self._watched:  # else it will be, by this mask
                try:
                    self._server.loop.change(self.fd, mask)
                except OSError:
                    self._lose()

    def late(self) -> None:
        """Its deadline has passed."""
        server = self._server
        if self.state in (WAITING, QUEUED):
            server.set_deadline(self, server.idle_s)  # reload has a limit of its own
        elif self.state is SENDING:
            self.cut()
        elif self.state is READING and self._data:
            server.counters.add("timeouts_head")
            self._refuse(408)
        else:
            if self.state is READING:
                server.counters.add("timeouts_idle")
            self.close()

    def dull_s(self, now: float) -> float:
        """For how long its reader has taken less than the slowest that is borne, of what the
        kernel holds for it. To be asked now and then."""
        self.reading, dull_s = look(self._sock, self.reading, now, self._server.read_rate)
        return dull_s

    def cut(self) -> None:
        """Its reader is too slow."""
        self._server.counters.add("timeouts_send")
        self.book.tally.unread += 1
        with contextlib.suppress(OSError):
            reset_at_close(self._sock)
        self.close()

    def throttle(self, refuser: Answerer) -> None:
        """From now on `refuser` answers in the site's place."""
        if self.state in (READING, QUEUED):
            self._site, self._insists = refuser, None

    def broken(self) -> None:
        """A bug has shown itself here; only this connection pays for it."""
        self._server.crashed()
        self.close()

    def _lose(self) -> None:
        self._server.count[_LOST] += 1
        self.close()

    def close(self) -> None:
        """Let go of the socket. May be called twice."""
        if self.state is CLOSED:
            return
        if self.state is WAITING:
            self._site.drop(self)
        self.state = CLOSED
        self._asked, self._out, self._span, self._data = None, [], None, b""
        self._server.gone(self, self.fd)
        with contextlib.suppress(OSError):  # it is gone all the same
            self._sock.close()
