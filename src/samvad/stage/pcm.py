"""Sound inside the stage: mono, 16 bit, 48 kHz, in frames of 20 ms."""

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
FRAME = 960
"""Samples of 20 ms: what the mixer works on."""

Pcm = NDArray[np.int16]
