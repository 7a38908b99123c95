# SPDX-License-Identifier: GPL-3.0-or-later
"""Mel bands (Slaney's scale: linear to 1 kHz, logarithmic above), as librosa and Slaney's Auditory Toolbox define them.

In numpy, because librosa brings scipy, scikit-learn and numba's compiler, and an artist's Blender has none of them; the
tests hold both against each other.
"""

import numpy as np

LINEAR = 200 / 3  # Hz a mel below KNEE
KNEE = 1000.0  # Hz
STEP = np.log(6.4) / 27  # of ln Hz a mel above KNEE


def mel_to_hz(mels: np.ndarray) -> np.ndarray:
    """Slaney's scale: 3 mel at 200 Hz, 15 at 1 kHz, 42 at 6.4 kHz."""
    knee = KNEE / LINEAR
    return np.where(mels < knee, mels * LINEAR, KNEE * np.exp(STEP * (mels - knee)))


def hz_to_mel(hz: float) -> float:
    """The inverse of `mel_to_hz`."""
    return hz / LINEAR if hz < KNEE else KNEE / LINEAR + float(np.log(hz / KNEE)) / STEP


def mel_filters(
    rate: int,  # Hz, of the samples
    size: int,  # samples of a spectrum's window
    bands: int,  # B
) -> np.ndarray:
    """[B, size/2 + 1] float32: triangles that overlap by half from 0 to rate/2, each of unit area over Hz."""
    bins = np.fft.rfftfreq(size, 1 / rate)
    edges = mel_to_hz(np.linspace(0, hz_to_mel(rate / 2), bands + 2))
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (peak - low), (high - bins) / (high - peak)
    return (np.maximum(np.minimum(rising, falling), 0) * 2 / (high - low)).astype(np.float32)
