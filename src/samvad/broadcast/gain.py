"""The loudness of AAC packets without coding them anew: their global gain. Pure.

Every channel element states a global gain of 8 bits, in steps of 2^(1/4) (ISO/IEC 14496-3,
4.6.2.3.3): adding to it makes all of the element's spectrum louder by 1.505 dB a step, and
nothing else. Only mono (a single channel element a packet), as this house encodes it.
"""

import math
from collections.abc import Sequence

import numpy as np

STEP_DB = 20 * math.log10(2) / 4
"""1.505 dB."""

TARGET_LUFS = -16.0
"""What podcasts are normalised to (mono is measured as one channel here, as ffmpeg does)."""

CEILING_DB = -1.0
"""No true peak is raised above this (dBTP)."""


def steps_for(lufs: float | None, peak: float, target: float = TARGET_LUFS) -> tuple[int, bool]:
    """(steps of gain, whether the target is met to the half of a step).

    Not met when the peaks leave no room: then a limiter has to do it, by coding anew.
    """
    if lufs is None:
        return 0, True
    wanted = round((target - lufs) / STEP_DB)
    room_db = CEILING_DB - 20 * math.log10(max(peak, 1) / 32768)
    allowed = math.floor(room_db / STEP_DB)
    steps = max(-60, min(wanted, max(allowed, 0) if wanted > 0 else wanted, 60))
    return steps, steps == wanted


def louder(packets: bytearray, sizes: Sequence[int], steps: int) -> None:
    """Change the gain of the packets that lie in `packets` one after the other, in place.

    Bounded by what a gain can say, 0 to 255.
    """
    if not steps or not sizes:
        return
    data = np.frombuffer(packets, np.uint8)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    long = np.asarray(sizes) >= 2
    starts = starts[long]
    # Nearly all begin with the channel element itself: three bits of zero, four of its tag.
    plain = (data[starts] & 0xFE) == 0
    at = starts[plain]
    gains = ((data[at] & 1).astype(np.int32) << 7) | (data[at + 1] >> 1)
    gains = np.clip(gains + steps, 0, 255)
    data[at] = gains >> 7
    data[at + 1] = ((gains & 0x7F) << 1) | (data[at + 1] & 1)
    ends = (starts + np.asarray(sizes)[long])[~plain]
    for start, end in zip(starts[~plain].tolist(), ends.tolist(), strict=True):
        _one(packets, start, end, steps)


def _one(packets: bytearray, start: int, end: int, steps: int) -> None:
    """A packet that begins with something else (an encoder's name, data)."""
    bits = int.from_bytes(packets[start:end], "big")
    length = (end - start) * 8
    at = 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        return (bits >> max(0, length - at)) & ((1 << count) - 1)

    while at + 11 <= length:
        match take(3):
            case 0:  # a single channel element: its tag, then the gain
                take(4)
                gain = take(8)
                louder_gain = min(255, max(0, gain + steps))
                bits ^= (gain ^ louder_gain) << (length - at)
                packets[start:end] = bits.to_bytes(end - start, "big")
                return
            case 4:  # data: tag, alignment, count
                take(4)
                align = take(1)
                count = take(8)
                count += take(8) if count == 255 else 0
                at += -at % 8 if align else 0
                at += count * 8
            case 6:  # fill: count
                count = take(4)
                count += take(8) - 1 if count == 15 else 0
                at += count * 8
            case _:
                return
