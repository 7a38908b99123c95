# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-mel energies (as librosa computes them): no learned weights, no model file, exactly zero in silence.

Knows nothing of speech.

Letters: T feature frames, C = 80 bands; hop 10 ms, window 40 ms (Hann, centred).
"""

from collections.abc import Iterator

import numpy as np

from .features import MARGIN, Encoder
from .mel_bands import mel_filters
from .sound import SOUND_RATE, Sound

BANDS, WINDOW, HOP = 80, 640, 160  # samples at 16 kHz
BLOCK = 6000  # frames at once (a minute): the complex spectrogram of hours would fill the memory
HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)  # periodic
FILTERS = mel_filters(SOUND_RATE, WINDOW, BANDS)


def power_spectrum(frames: np.ndarray) -> np.ndarray:
    """[T,WINDOW] -> [T,WINDOW/2+1] float32."""
    spectrum = np.fft.rfft(frames)
    return (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)


class LogMel(Encoder):
    """value = ln(1 + 10^4 mel) / 10: 0 for silence, about 1.5 for the loudest sound.

    not in the paper: chosen because it is the plainest description of speech that a head can be
    trained on, and the baseline for any learned encoder.
    """

    name = "logmel"
    channels = BANDS

    def times(self, sound: Sound) -> np.ndarray:
        """[T]: frame k is centred on sample 160 k, counted from MARGIN before time 0."""
        margin = round(MARGIN * SOUND_RATE) // HOP
        count = -(-len(sound.samples) // HOP) + 1 + 2 * margin
        return (np.arange(count) - margin) * (HOP / SOUND_RATE)

    def pieces(self, sound: Sound) -> Iterator[np.ndarray]:
        """[<=BLOCK,80] at a time."""
        count = len(self.times(sound))
        before = (
            round(MARGIN * SOUND_RATE) // HOP * HOP + WINDOW // 2
        )  # samples from the first window's start to time 0
        for a in range(0, count, BLOCK):
            b = min(a + BLOCK, count)
            samples = sound.stretch(a * HOP - before, (b - 1) * HOP + WINDOW - before)
            frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP] * HANN
            mel = power_spectrum(frames) @ FILTERS.T
            yield (np.log1p(1e4 * mel) / 10).astype(np.float32, copy=False)
