"""A light listener's place in the stream: what it has, what it wants, when it asks again. Pure."""

from samvad.rehearsal.glance import Glance, Piece, Place, resolve
from samvad.rehearsal.sound import NEVER
from samvad.rehearsal.tally import INIT, MEDIA, PLAYLIST, RELOAD, Tally

MOST_WANTED = 64
"""Pieces a listener is behind at most; older ones are given up."""
STALE = 3.0
_NO_PIECES: tuple[Piece, ...] = ()

Want = tuple[int, bytes]
"""A kind of request and its path."""


class Stream:
    """Follows the media playlist at `path`. One request for media is under way at a time.

    `low`: takes parts, and blocks (`blocking`) where the server lets it. `reload_at`: when the
    playlist is to be asked for.
    """

    __slots__ = (
        "_asked",
        "_changed_at",
        "_glance",
        "_init",
        "_low",
        "_next",
        "_path",
        "_place",
        "_wanted",
        "blocking",
        "next_at",
        "reload_at",
    )

    def __init__(self, path: bytes, low: bool, reload_at: float) -> None:
        self._path, self._low = path, low
        self._glance: Glance | None = None
        self._place: Place | None = None
        self._wanted, self._next = _NO_PIECES, 0
        self._asked: Piece | None = None
        self._init = b""
        self._changed_at = NEVER
        self.blocking = False
        self.reload_at = reload_at
        self.next_at = NEVER
        """When more will be wanted without a playlist (lean.py)."""

    @property
    def pending(self) -> bool:
        """Whether there are media to fetch, or on their way."""
        return self._next < len(self._wanted)

    @property
    def fetching(self) -> bool:
        """Whether media are on their way."""
        return self._asked is not None

    @property
    def over(self) -> bool:
        """All of a stream that has ended has been fetched."""
        return self._glance is not None and self._glance.ended and not self.pending

    def advance(self, now: float) -> None:
        """Want what is due by itself."""

    def meant_at(self, now: float) -> float:
        """When what is wanted now was to be asked for."""
        return now

    def media(self) -> Want | None:
        """What of the media to fetch now, if any."""
        if self._asked is not None or self._next >= len(self._wanted):
            return None
        piece = self._asked = self._wanted[self._next]
        if piece.init != self._init:
            return INIT, resolve(self._path, piece.init)
        return MEDIA, resolve(self._path, piece.uri)

    def had_init(self) -> None:
        """The init segment is here (or will never be)."""
        if self._asked is not None:
            self._init, self._asked = self._asked.init, None

    def had_piece(self) -> float:
        """The piece is here (or will never be); its seconds."""
        piece, self._asked = self._asked, None
        if piece is None:
            return 0.0
        if self.pending and self._wanted[self._next] is piece:
            self._next += 1
        return piece.duration_s

    def missed(self, now: float) -> None:
        """The piece is not there, and will not be."""
        self.had_piece()

    def due(self, next_at: float, state_at: float, list_free: bool, media_free: bool) -> float:
        """The next moment at which something is to be done without an answer. Not before
        `next_at`; `state_at` is the state's; free lines are those that wait for none."""
        due = NEVER
        if media_free and not self.fetching:
            # Media wait only when a failure holds all back (or for the other line).
            due = next_at if self.pending else min(state_at, max(next_at, self.next_at))
        return min(due, max(self.reload_at, next_at)) if list_free else due

    def lost_media(self) -> None:
        """No answer; it stays wanted."""
        self._asked = None

    def playlist(self) -> Want:
        """The request that is due at `reload_at`."""
        self.reload_at = NEVER
        if not self.blocking or self._glance is None:
            return PLAYLIST, self._path
        return RELOAD, self._path + b"?_HLS_msn=%d&_HLS_part=%d" % self._glance.next

    def rejoin(self, now: float) -> bool:
        """The server is not where we are: join anew. Whether it had joined."""
        joined, self._place, self._glance = self._place is not None, None, None
        self.reload_at = now
        return joined

    def read(self, glance: Glance, tally: Tally) -> bool:
        """Take what is new; whether the playlist had changed."""
        before = self._glance
        if before is not None and glance.is_older(before):
            tally.went_back += 1
            glance = before
        self.blocking = self._low and glance.blocks
        if glance is before:
            return False
        pieces, self._place, lost = glance.news(self._place, self._low)
        self._glance = glance
        tally.jumps += lost
        if pieces:
            wanted = self._wanted[self._next :] + pieces
            if len(wanted) > MOST_WANTED:
                tally.jumps += 1
                wanted = wanted[-MOST_WANTED:]
            self._wanted, self._next = wanted, 0
        return True

    def stands_still(self, now: float, changed: bool) -> bool:
        """Whether this playlist has been the same for more than STALE Target Durations."""
        assert self._glance is not None
        if changed or self._glance.ended or self._changed_at == NEVER:
            self._changed_at = now
        return now - self._changed_at > STALE * self._glance.target_s

    def pace(self, since: float, now: float, changed: bool, every_s: float, tally: Tally) -> None:
        """When to ask for the playlist again, after one that was due at `since`.

        RFC 8216bis, 6.3.4: after a Target Duration, or half of it when nothing had changed;
        counted from the moment it was due. `every_s`: a fixed pace instead, unless 0.
        """
        assert self._glance is not None
        if self._glance.ended:
            return
        if self.blocking:
            self.reload_at = now
            return
        step = every_s or self._glance.target_s / (1 if changed else 2)
        at = since + step
        while at + step <= now:
            # It was due and could not be asked for; this answer is what it got.
            tally.answered(PLAYLIST, now - at)
            at += step
        self.reload_at = at
