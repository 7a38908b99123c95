# SPDX-License-Identifier: GPL-3.0-or-later
"""Pauses are found at any level, rate and noise; a steady tone has none."""

import numpy as np
import pytest

from talksplat.core.audio import silent_spans


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize(("scale", "noise"), [(1.0, 0.0), (1.0, 1e-3), (1e-3, 1e-6), (20000.0, 20.0)])
def test_silences_of_a_sound(rate, scale, noise):
    t = np.arange(3 * rate) / rate
    spoken = (t > 0.5) & (t < 1.5) | (t > 1.55) & (t < 2.2)  # the gap of 50 ms is a stop, no pause
    sound = scale * 0.5 * np.sin(t * 900) * spoken + noise * np.random.default_rng(0).standard_normal(len(t))
    assert np.allclose(silent_spans(sound, rate), [(0, 0.5), (2.2, 3.0)], atol=0.04)


def test_sounds_without_pauses():
    tone = np.sin(np.arange(16000) * 0.3)
    assert silent_spans(tone, 16000) == []
    assert silent_spans(np.zeros(0), 16000) == []
    assert silent_spans(np.zeros(16000), 16000) == [(0.0, 1.0)]
    with pytest.raises(ValueError, match="one channel"):
        silent_spans(np.zeros((10, 2)), 16000)


def test_dead_silence_does_not_hide_a_quiet_room():
    rng, t = np.random.default_rng(0), np.arange(3 * 16000) / 16000
    sound = np.sin(t * 900) + 1e-3 * rng.standard_normal(len(t))
    sound[t < 1] = 0
    sound[t > 2] = 1e-3 * rng.standard_normal((t > 2).sum())
    assert np.allclose(silent_spans(sound, 16000), [(0, 1), (2, 3)], atol=0.04)


def test_a_sound_that_hardly_varies_has_no_pauses():
    t = np.arange(3 * 16000) / 16000
    assert silent_spans((1 + 0.4 * np.sin(t * 4)) * np.sin(t * 900), 16000) == []
