# SPDX-License-Identifier: GPL-3.0-or-later
"""How loud a sound is in a few bands, relative to the loudest moment around: the same for a whisper close by and a
shout far away, and exact in time, which speech features of 24 ms are not.

Letters: T moments of a 10 ms grid, B bands.
"""

import numpy as np

from .logmel import power_spectrum
from .mel_bands import mel_filters
from .sound import SOUND_RATE, Sound

COUNT = 8  # B
HOP, WINDOW = 160, 400  # samples at 16 kHz: 10 ms, 25 ms
AROUND = 200  # moments to either side, 2 s: a phrase
RANGE = 60.0  # dB below the loudest that still count
QUIETEST = -50.0  # dB of full scale: what is nowhere louder counts as if something were
HANN = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)).astype(np.float32)
FILTERS = mel_filters(SOUND_RATE, WINDOW, COUNT)
FILTERS = FILTERS / FILTERS.sum(axis=1, keepdims=True)


def relative_bands(
    sound: Sound,
    first: int,  # the first moment, 10 ms each from time 0; may be negative
    count: int,  # T
) -> np.ndarray:
    """[T,B] float32: -1 silent .. 1 as loud as the loudest moment within AROUND."""
    start = (first - AROUND) * HOP - WINDOW // 2
    samples = sound.stretch(start, start + (count + 2 * AROUND - 1) * HOP + WINDOW)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP] * HANN
    power = power_spectrum(frames)
    level = 10 * np.log10(power.sum(axis=1) / _full_scale() + 1e-12)
    loudest = np.lib.stride_tricks.sliding_window_view(level, 2 * AROUND + 1).max(axis=1)
    bands = 10 * np.log10(power[AROUND : AROUND + count] @ FILTERS.T * (WINDOW / 2) / _full_scale() + 1e-12)
    below = bands - np.maximum(loudest, QUIETEST)[:, None]
    return np.clip(1 + 2 * below / RANGE, -1, 1).astype(np.float32)


def _full_scale() -> float:
    """The power of a window of samples whose root mean square is 1."""
    return float(WINDOW / 2 * np.square(HANN, dtype=np.float64).sum())
