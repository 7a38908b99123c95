# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections: exact at their moment, nothing beyond their fall-off, no jump between."""

import numpy as np
import pytest

from talksplat.core.formats import RigChannel
from talksplat.core.performance import Correction, FallOff, corrected

CHANNELS = (RigChannel("lips_apart", "lower", -3.0, 15.0), RigChannel("smile", "lower", -3.0, 3.0))
CLOSE = {"lips_apart": -2.3, "smile": 0.7, "tail": 9.0}
FALL_OFFS = [FallOff(), FallOff(0.05, 0.2, 0.4), FallOff(0.0, 0.0, 0.1), FallOff(0.1, 0.0, 0.0), FallOff(0, 0, 0)]


def at(seconds, fall_off=FALL_OFFS[0], strength=1.0):
    return corrected([Correction(seconds, CLOSE, fall_off, strength)], CHANNELS)


@pytest.mark.parametrize("fall_off", FALL_OFFS)
def test_exact_at_its_moment_and_while_it_holds_and_nothing_beyond_its_ends(fall_off):
    exact = np.array([-2.3, 0.7], np.float32)
    for seconds in (0.0, fall_off.hold):
        np.testing.assert_array_equal(at(seconds, fall_off), exact)
    for seconds in (-fall_off.blend_in - 1e-9, fall_off.hold + fall_off.blend_out + 1e-9, -9.0, 9.0):
        np.testing.assert_array_equal(at(seconds, fall_off), [0.0, 0.0])


def test_it_comes_and_goes_without_a_jump_or_a_kink():
    seconds = np.linspace(-0.15, 0.75, 9001)
    weight = np.array([Correction(t, CLOSE, FallOff(0.1, 0.2, 0.4)).weight for t in seconds])
    step = np.diff(weight)
    peak = np.searchsorted(seconds, 0.0)
    assert (step[:peak] >= 0).all()
    assert (step[peak:] <= 0).all()
    assert np.abs(step).max() < 1.6e-4 / 0.1, "the steepest of a smooth ramp"
    assert np.abs(np.diff(step)).max() < 1e-6 * 7, "no kink"


def test_strength_scales_and_overlapping_corrections_add_in_any_order():
    np.testing.assert_array_equal(at(0.02, strength=0.0), [0.0, 0.0])
    np.testing.assert_allclose(at(0.02, strength=0.5), at(0.02) / 2, rtol=1e-6)
    one, two = Correction(0.03, CLOSE), Correction(-0.04, {"smile": 2.0}, FallOff(0.2))
    both = corrected([one, two], CHANNELS)
    np.testing.assert_allclose(both, corrected([one], CHANNELS) + corrected([two], CHANNELS), rtol=1e-6)
    np.testing.assert_array_equal(both, corrected([two, one], CHANNELS))
