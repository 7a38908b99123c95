# SPDX-License-Identifier: GPL-3.0-or-later
"""Rest and speech: energies on made movements, silences in made sounds."""

import numpy as np
import pytest

from talksplat.core.metrics import silence_motion, silent_spans

TIMES = np.arange(100) / 25
SILENT = [(0.0, 1.0), (3.0, 3.96)]


def talker(rest, speech):
    """[100,20,2] that sways as a sine, smaller in the silences."""
    size = np.where((TIMES <= 1) | (TIMES >= 3), rest, speech)
    return (size * np.sin(TIMES * 20))[:, None, None] * np.ones((100, 20, 2))


def test_energy_is_squared_speed():
    steady = np.cumsum(np.full(100, 0.5))[:, None, None] * np.ones((100, 4, 2))  # 0.5 along x and y a frame
    motion = silence_motion(steady, TIMES, SILENT)
    assert motion.silent == pytest.approx(2 * (0.5 * 25) ** 2)
    assert motion.spoken == pytest.approx(motion.silent)
    assert motion.ratio == pytest.approx(1)
    assert silence_motion(steady[:, 0, 0], TIMES, SILENT).silent == pytest.approx((0.5 * 25) ** 2)


def test_a_mouth_that_rests():
    assert silence_motion(talker(0, 1), TIMES, SILENT).ratio == 0
    assert silence_motion(talker(0.5, 1), TIMES, SILENT).ratio == pytest.approx(0.25, rel=0.15)
    assert np.isnan(silence_motion(talker(0, 0), TIMES, SILENT).ratio)


def test_what_is_at_an_edge_is_left_out():
    points = np.zeros(100)
    points[[25, 26, 73, 74, 75]] = [5, 9, 3, 1, 7]  # everything within the margin of 1.0 s and 3.0 s
    motion = silence_motion(points, TIMES, SILENT)
    assert (motion.silent, motion.spoken) == (0, 0)
    assert motion.silent_steps + motion.spoken_steps < 99
    all_silent = silence_motion(points, TIMES, [(-1, 9)])
    assert np.isnan(all_silent.spoken)
    assert all_silent.silent_steps == 99
    assert np.isnan(silence_motion(points, TIMES, []).silent)
    with pytest.raises(ValueError, match="T times"):
        silence_motion(points, TIMES[:-1], [])


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
