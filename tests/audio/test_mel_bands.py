# SPDX-License-Identifier: GPL-3.0-or-later
"""Mel bands and log-mel energies are librosa's."""

import numpy as np
import pytest

from talksplat.core.audio import SOUND_RATE, Sound
from talksplat.core.audio.logmel import BANDS, HOP, WINDOW, LogMel
from talksplat.core.audio.mel_bands import mel_filters

librosa = pytest.importorskip("librosa")


@pytest.mark.parametrize(("rate", "size", "bands"), [(SOUND_RATE, WINDOW, BANDS), (22050, 2048, 128), (8000, 256, 20)])
def test_filters_are_librosas(rate, size, bands):
    expected = librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands)
    np.testing.assert_allclose(mel_filters(rate, size, bands), expected, atol=1e-8, rtol=1e-5)


def test_log_mel_energies_are_librosas():
    sound = Sound(
        (np.random.default_rng(1).normal(size=SOUND_RATE) * np.linspace(0, 0.5, SOUND_RATE)).astype(np.float32)
    )
    [first, *_] = LogMel().pieces(sound)
    start = round(LogMel().times(sound)[0] * SOUND_RATE) - WINDOW // 2
    samples = sound.stretch(start, start + (len(first) - 1) * HOP + WINDOW)
    mel = librosa.feature.melspectrogram(
        y=samples, sr=SOUND_RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS, center=False, power=2.0
    )
    np.testing.assert_allclose(first, np.log1p(1e4 * mel.T) / 10, atol=1e-6)
