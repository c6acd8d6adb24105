"""One speaker's incoming sound: packets in whenever they come, int16[960] out at each tick."""

import numpy as np

from samvad.stage.jitter import DEPTH, JitterBuffer, Lost, Play
from samvad.stage.opus import FRAME, Decoder, Pcm, packet_48k

_FADE = np.linspace(0.0, 1.0, FRAME, endpoint=False, dtype=np.float32)


class Voice:
    """Jitter buffer and decoder of one RTP stream.

    Packets of any Opus duration (2.5 to 120 ms) are taken; the buffer's depth stays 80 ms.
    """

    def __init__(self) -> None:
        self._decoder = Decoder()
        self.jitter = JitterBuffer()
        self.invalid = 0
        self._packet_48k = FRAME
        self._rest: Pcm = np.zeros(0, np.int16)

    def put(self, sequence: int, packet: bytes) -> None:
        """A packet came. One that is not Opus is counted and dropped."""
        duration = packet_48k(packet)
        if duration == 0:
            self.invalid += 1
            return
        if duration != self._packet_48k:
            self._packet_48k = duration
            self.jitter.depth = max(1, min(24, -(-DEPTH * FRAME // duration)))
        self.jitter.put(sequence, packet)

    def frame(self) -> Pcm | None:
        """The next 20 ms, or None while nothing plays. Call once a tick."""
        if self._rest.size >= FRAME:
            frame, self._rest = self._rest[:FRAME], self._rest[FRAME:]
            return frame
        pieces = [self._rest] if self._rest.size else []
        have = self._rest.size
        while have < FRAME:
            piece = self._piece()
            if piece is None:
                break
            pieces.append(piece)
            have += piece.size
        if not pieces:
            return None
        pcm = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        if pcm.size < FRAME:
            pcm = np.concatenate([pcm, np.zeros(FRAME - pcm.size, np.int16)])
        self._rest = pcm[FRAME:]
        return pcm[:FRAME]

    def _piece(self) -> Pcm | None:
        pull = self.jitter.pull()
        if isinstance(pull, Play):
            first = self._decoded(pull.packet)
            return first if pull.merge is None else _fold(first, self._decoded(pull.merge))
        if isinstance(pull, Lost):
            if pull.following is not None:
                return self._decoder.recover(pull.following, self._packet_48k)
            return self._decoder.conceal(self._packet_48k)
        return None

    def _decoded(self, packet: bytes) -> Pcm:
        pcm = self._decoder.decode(packet)
        if pcm is None:  # a valid TOC before rubbish
            self.invalid += 1
            pcm = np.zeros(self._packet_48k, np.int16)
        return pcm


def _fold(first: Pcm, second: Pcm) -> Pcm:
    """Two stretches in the time of one: the first fades into the second."""
    size = min(first.size, second.size)
    fade = _FADE if size == FRAME else np.linspace(0, 1, size, endpoint=False, dtype=np.float32)
    return (first[:size] * (1 - fade) + second[:size] * fade).astype(np.int16)
