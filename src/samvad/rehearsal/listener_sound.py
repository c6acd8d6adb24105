"""What has been played, and only that: into a WAV file, and into its loudness."""

import wave
from collections import deque
from pathlib import Path

import numpy as np

from samvad.base.errors import PlainError
from samvad.protocol.loudness import RATE, Loudness, Samples


class PlayedSound:
    """Holds decoded samples until the player has played them. `wav`: mono, 16 bit, 48 kHz."""

    def __init__(self, wav: Path | None) -> None:
        self._waiting: deque[Samples] = deque()
        self._done = 0
        self._loudness = Loudness()
        self._file: wave.Wave_write | None = None
        if wav is not None:
            try:
                self._raw = open(wav, "wb")  # noqa: SIM115  (closed by close)
            except OSError as error:
                raise PlainError(f"{wav} cannot be written: {error.strerror or error}.") from None
            self._file = wave.open(self._raw, "wb")  # noqa: SIM115
            self._file.setnchannels(1)
            self._file.setsampwidth(2)
            self._file.setframerate(RATE)

    def decoded(self, samples: Samples) -> None:
        if len(samples):
            self._waiting.append(samples)

    def played(self, seconds: float) -> None:
        """The player has played so much since its start."""
        due = int(seconds * RATE) - self._done
        while due > 0 and self._waiting:
            block = self._waiting.popleft()
            if len(block) > due:
                self._waiting.appendleft(block[due:])
                block = block[:due]
            self._take(block)
            due -= len(block)

    def loudness_lufs(self) -> float | None:
        loudness = self._loudness.integrated_lufs()
        return None if loudness is None else round(loudness, 1)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._raw.close()

    def _take(self, block: Samples) -> None:
        self._done += len(block)
        self._loudness.push(block)
        if self._file is not None:
            whole = np.clip(np.rint(block * 32767), -32768, 32767).astype("<i2")
            self._file.writeframes(whole.tobytes())
