"""Whether what a full listener gets hangs together: order, gaps, the same for all. Pure."""

import hashlib

from samvad.protocol.playlist_reader import MediaPlaylist
from samvad.rehearsal.listener_follow import Piece

GAP_MS = 80.0
"""Wall clocks of parts are rounded, and encoders may be a frame early or late."""
STALE_TARGETS = 4.0
"""A playlist without news for so many Target Durations stands still."""
_MOST_COPIES = 4096


class Copies:
    """Marks of media objects by their address, shared by many listeners; bounded.

    `altered`: how often the same address gave something else.
    """

    def __init__(self) -> None:
        self._marks: dict[str, bytes] = {}
        self.altered = 0

    def same(self, url: str, body: bytes) -> bool:
        mark = hashlib.blake2b(body, digest_size=8).digest()
        known = self._marks.setdefault(url, mark)
        if len(self._marks) > _MOST_COPIES:
            del self._marks[next(iter(self._marks))]
        self.altered += known != mark
        return known == mark


class Continuity:
    """One listener's view. `gaps`: pieces that do not begin where the one before ended, without
    a discontinuity; `went_back`: playlists older than the one before; `stale`: times that the
    playlist stood still; `short`: pieces with less sound in them than they say."""

    def __init__(self) -> None:
        self.gaps = self.went_back = self.stale = self.short = 0
        self._next_ms: float | None = None
        self._discontinuity = 0
        self._newest = (-1, -1)
        self._news_at: float | None = None

    def playlist(self, playlist: MediaPlaylist, now: float) -> None:
        """A playlist has come; `now` in monotonic seconds."""
        newest = playlist.next_part
        if playlist.part_target_s is None and newest[0] == self._newest[0]:
            newest = max(newest, self._newest)  # parts go with the form; no media went
        if newest < self._newest:
            self.went_back += 1
        elif newest > self._newest or self._news_at is None or playlist.ended:
            self._newest, self._news_at = newest, now
        elif now - self._news_at > STALE_TARGETS * playlist.target_s:
            self.stale += 1
            self._news_at = now

    def piece(self, piece: Piece, samples: int, rate: int) -> None:
        """A piece has been decoded into `samples`; the first of a decoder may be shorter."""
        follows = self._next_ms is not None and piece.discontinuity == self._discontinuity
        if follows and self._next_ms is not None:
            self.gaps += abs(piece.wall_ms - self._next_ms) > GAP_MS
            self.short += samples / rate < piece.duration_s - 0.1
        self._next_ms = piece.wall_ms + piece.duration_s * 1000
        self._discontinuity = piece.discontinuity

    def rejoined(self) -> None:
        """The next piece need not follow the last one."""
        self._next_ms = None
