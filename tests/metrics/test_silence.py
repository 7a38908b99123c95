# SPDX-License-Identifier: GPL-3.0-or-later
"""Rest and speech: energies on made movements, silences in made sounds."""

import numpy as np
import pytest

from talksplat.core.metrics import silence_motion

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
