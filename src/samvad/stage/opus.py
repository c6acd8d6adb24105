"""libopus itself, the very library inside the PyAV wheel.

PyAV's codec wrapper has no way to ask the decoder for what a lost packet would have held
(packet loss concealment) nor for the previous packet's copy inside the next one (in-band
FEC, RFC 6716 section 2.1.7), and it wraps each 20 ms in several objects. The library has
both behind three C functions. Each call frees the GIL and costs 0.04 to 0.2 ms.
"""

import ctypes
import ctypes.util
from functools import lru_cache
from pathlib import Path

import numpy as np

from samvad.base.errors import PlainError
from samvad.stage import pcm

RATE = pcm.RATE
FRAME = pcm.FRAME
Pcm = pcm.Pcm

MAX_FRAME = 5760
"""Samples of the longest Opus packet, 120 ms (RFC 6716, section 3.2.5)."""

MAX_PACKET = 1275 * 3 + 7

_VOIP = 2048
_SET_BITRATE = 4002
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS = 4014
_SET_SIGNAL = 4024
_SIGNAL_VOICE = 3001

_FRAME_48K = (
    (480, 960, 1920, 2880) * 3  # SILK, narrow to wide band
    + (480, 960) * 2  # hybrid
    + (120, 240, 480, 960) * 4  # CELT
)


def packet_48k(packet: bytes) -> int:
    """Samples at 48 kHz that a packet holds, from its TOC (RFC 6716, section 3.1); 0: invalid."""
    if not packet:
        return 0
    frame, code = _FRAME_48K[packet[0] >> 3], packet[0] & 3
    count = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[code]
    return frame * count if frame * count <= MAX_FRAME else 0


def _candidates() -> list[str]:
    import av

    beside = Path(av.__file__).resolve().parent
    found = [
        str(path)
        for folder in (beside.parent / "av.libs", beside / ".dylibs", beside)
        for path in sorted(folder.glob("libopus*"))
    ]
    system = ctypes.util.find_library("opus")
    return found + ([system] if system else [])


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """libopus, loaded once. Raises PlainError when there is none."""
    for name in _candidates():
        try:
            lib = ctypes.CDLL(name)
            lib.opus_decoder_create.restype = ctypes.c_void_p
        except (OSError, AttributeError):
            continue
        pointer, integer, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
        lib.opus_decoder_create.argtypes = [ctypes.c_int32, integer, pointer]
        lib.opus_decode.argtypes = [pointer, text, ctypes.c_int32, pointer, integer, integer]
        lib.opus_decoder_destroy.argtypes = [pointer]
        lib.opus_encoder_create.restype = pointer
        lib.opus_encoder_create.argtypes = [ctypes.c_int32, integer, integer, pointer]
        lib.opus_encode.argtypes = [pointer, pointer, integer, pointer, ctypes.c_int32]
        lib.opus_encode.restype = ctypes.c_int32
        lib.opus_encoder_destroy.argtypes = [pointer]
        # opus_encoder_ctl is variadic: its fixed arguments are declared, the rest are passed typed.
        lib.opus_encoder_ctl.argtypes = [pointer, integer]
        lib.opus_get_version_string.restype = text
        return lib
    raise PlainError(
        "The Opus codec library (libopus) was not found.",
        "Install PyAV from its wheel (pip install av), or the system package libopus0.",
    )


class Decoder:
    """One mono Opus stream at 48 kHz. Stereo packets are mixed down by the library."""

    def __init__(self) -> None:
        self._lib = library()
        error = ctypes.c_int()
        self._state = self._lib.opus_decoder_create(RATE, 1, ctypes.byref(error))
        if not self._state:
            raise MemoryError(f"opus_decoder_create: {error.value}")
        self._pcm = np.zeros(MAX_FRAME, np.int16)
        self._into = self._pcm.ctypes.data

    def decode(self, packet: bytes) -> Pcm | None:
        """The packet's samples; None when it is not Opus (the decoder stays usable)."""
        return self._run(packet, len(packet), MAX_FRAME, 0)

    def recover(self, following: bytes, samples: int = FRAME) -> Pcm | None:
        """The lost packet before `following`, from its in-band FEC; concealed if it has none."""
        return self._run(following, len(following), samples, 1)

    def conceal(self, samples: int = FRAME) -> Pcm | None:
        """What the library guesses for a loss; it fades out when losses go on."""
        return self._run(None, 0, samples, 0)

    def _run(self, packet: bytes | None, size: int, samples: int, fec: int) -> Pcm | None:
        count = self._lib.opus_decode(self._state, packet, size, self._into, samples, fec)
        return self._pcm[:count].copy() if count > 0 else None

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._lib.opus_decoder_destroy(self._state)
            self._state = None


class Encoder:
    """Mono speech at 48 kHz in frames of 20 ms. For return peers: fast, with in-band FEC."""

    def __init__(self, bitrate: int = 32_000, complexity: int = 5, loss_percent: int = 5) -> None:
        self._lib = library()
        error = ctypes.c_int()
        self._state = self._lib.opus_encoder_create(RATE, 1, _VOIP, ctypes.byref(error))
        if not self._state:
            raise MemoryError(f"opus_encoder_create: {error.value}")
        for request, value in (
            (_SET_BITRATE, bitrate),
            (_SET_COMPLEXITY, complexity),
            (_SET_SIGNAL, _SIGNAL_VOICE),
            (_SET_INBAND_FEC, 1 if loss_percent else 0),
            (_SET_PACKET_LOSS, loss_percent),
        ):
            if self._lib.opus_encoder_ctl(self._state, request, ctypes.c_int32(value)) != 0:
                raise ValueError(f"opus_encoder_ctl({request}, {value}) was refused")
        self._out = ctypes.create_string_buffer(MAX_PACKET)

    def encode(self, pcm: Pcm) -> bytes:
        """One packet for int16[960]."""
        if pcm.shape != (FRAME,) or pcm.dtype != np.int16 or not pcm.flags.c_contiguous:
            raise ValueError("an Opus frame is a contiguous int16[960]")
        size = self._lib.opus_encode(self._state, pcm.ctypes.data, FRAME, self._out, MAX_PACKET)
        if size < 0:
            raise ValueError(f"opus_encode: {size}")
        return self._out.raw[:size]

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._lib.opus_encoder_destroy(self._state)
            self._state = None
