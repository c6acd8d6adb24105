"""Which media a player takes from the playlists it reads, in which order. Pure.

It joins `PART-HOLD-BACK` (without parts: `HOLD-BACK`) before the live edge (RFC 8216bis,
section 6.3.3), takes each part once, and knows what to ask for next. When the playlists
change between parts and whole segments in mid-segment, it takes the segment and says how much
of it has been had.
"""

from dataclasses import dataclass

from samvad.protocol.playlist_reader import MediaPlaylist, ReadPart


@dataclass(frozen=True, slots=True)
class Piece:
    """Media to fetch. The first `skip_s` of it have been had already as parts.

    `duration_s` and `wall_ms` are those of what is left behind that. `init` is the URI of its
    initialisation segment. URIs are relative to the playlist.
    """

    uri: str
    init: str
    duration_s: float
    wall_ms: float
    discontinuity: int
    skip_s: float = 0.0


class Follower:
    """Follows one rendition. `jumps` counts how often media were lost to it for good."""

    def __init__(self) -> None:
        self.jumps = 0
        self._msn: int | None = None  # the segment it stands in
        self._part = 0  # the next part of it
        self._had_s = 0.0  # of that segment
        self._init = ""

    def directives(self, playlist: MediaPlaylist) -> str:
        """The query of the next reload: held by the server until there is something new."""
        if not playlist.can_block_reload:
            return ""
        msn, part = playlist.next_part
        return f"_HLS_msn={msn}" + (f"&_HLS_part={part}" if playlist.part_target_s else "")

    def hold_back_s(self, playlist: MediaPlaylist) -> float:
        """How far behind the live edge to play."""
        if playlist.part_target_s is not None and playlist.part_hold_back_s is not None:
            return playlist.part_hold_back_s
        return playlist.hold_back_s

    def rejoin(self) -> None:
        """Forget the place: the next playlist is joined anew at its live edge."""
        if self._msn is not None:
            self.jumps += 1
        self._msn = None

    def take(self, playlist: MediaPlaylist) -> list[Piece]:
        """What is new in it, in order."""
        if self._msn is None:
            self._join(playlist)
        assert self._msn is not None
        oldest = playlist.media_sequence + playlist.skipped
        if self._msn < oldest:
            self.jumps += 1
            self._msn, self._part, self._had_s = oldest, 0, 0.0
        pieces: list[Piece] = []
        for segment in playlist.segments:
            self._init = segment.map_uri or self._init
            if segment.msn < self._msn:
                continue
            if segment.parts:
                self._take_parts(segment.msn, segment.parts, pieces)
            elif segment.duration_s - self._had_s > 0.001:
                pieces.append(
                    Piece(
                        segment.uri,
                        self._init,
                        segment.duration_s - self._had_s,
                        segment.wall_ms + self._had_s * 1000,
                        segment.discontinuity,
                        self._had_s,
                    )
                )
            self._msn, self._part, self._had_s = segment.msn + 1, 0, 0.0
        if playlist.open_parts:
            self._take_parts(playlist.open_parts[0].msn, playlist.open_parts, pieces)
        return pieces

    def _take_parts(self, msn: int, parts: tuple[ReadPart, ...], pieces: list[Piece]) -> None:
        if msn != self._msn:
            return
        for part in parts:
            if part.index < self._part:
                continue
            self._init = part.map_uri or self._init
            pieces.append(
                Piece(part.uri, self._init, part.duration_s, part.wall_ms, part.discontinuity)
            )
            self._part = part.index + 1
            self._had_s += part.duration_s

    def _join(self, playlist: MediaPlaylist) -> None:
        """Stand at the last part (or segment) that begins at least the hold-back before the edge;
        at the oldest one when the playlist is shorter than that."""
        wanted = self.hold_back_s(playlist) - 0.001
        behind = 0.0
        places = [
            (part.msn, part.index, part.duration_s) for part in playlist.open_parts
        ]  # newest last
        older: list[tuple[int, int, float]] = []
        for segment in playlist.segments:
            if segment.parts:
                older += [(p.msn, p.index, p.duration_s) for p in segment.parts]
            else:
                older.append((segment.msn, 0, segment.duration_s))
        self._msn, self._part, self._had_s = playlist.next_part[0], 0, 0.0
        for msn, part, duration_s in reversed(older + places):
            self._msn, self._part = msn, part
            behind += duration_s
            if behind >= wanted:
                break
        self._had_s = sum(d for m, i, d in older + places if m == self._msn and i < self._part)
