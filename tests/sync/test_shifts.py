# SPDX-License-Identifier: GPL-3.0-or-later
"""Known shifts come back: whole ones exactly, parts of a frame closely, a still mouth not at all."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talksplat.core.metrics import correlation, lip_offset, pool_offsets, share_within, shift_recovery
from talksplat.core.sync import best_shift, shifted_correlation


def chatter(count, seed=0, width=2.0):
    """A band-limited curve, as lips move: noise through a Gaussian."""
    x = np.arange(-8, 9)
    return np.convolve(
        np.random.default_rng(seed).standard_normal(count + 16), np.exp(-(x**2) / (2 * width**2)), "valid"
    )


@given(st.integers(-15, 15), st.integers(0, 50), st.floats(0.01, 100), st.floats(-100, 100))
def test_whole_shifts_are_exact(k, seed, scale, added):
    long = chatter(120, seed)
    target, predicted = long[20:95], scale * long[20 - k : 95 - k] + added  # predicted[t] = target[t - k]
    offset = lip_offset(predicted, target, 25)
    assert offset.frames == k
    assert offset.r == pytest.approx(1, abs=1e-9)
    assert offset.shifts[np.argmax(offset.curve)] == k
    assert offset.r_unmoved == pytest.approx(correlation(predicted, target))
    assert lip_offset(target, predicted, 25).frames == -k


@pytest.mark.parametrize("part", [-0.4, -0.2, 0.0, 0.3, 0.45])
def test_parts_of_a_frame(part):
    fine = chatter(1200, 3, width=3.0)
    at = np.interp(np.arange(100.0) * 4 + 100, np.arange(1200), fine)
    late = np.interp((np.arange(100.0) - 3 - part) * 4 + 100, np.arange(1200), fine)
    offset = lip_offset(late, at, Fraction(25))
    assert offset.frames == 3
    assert offset.fine == pytest.approx(3 + part, abs=0.12)
    assert offset.seconds == pytest.approx(offset.fine / 25)


def test_parabola_is_exact_on_a_parabola():
    x = np.arange(-5.0, 6)
    assert best_shift(1 - 0.01 * (x - 1.3) ** 2) == (1, pytest.approx(1.3))
    assert best_shift(0.5 + 0.01 * x) == (5, 5.0)  # the end has no neighbour
    assert best_shift(np.ones(11)) == (0, 0.0)
    assert best_shift(-np.ones(11)) is None


def test_each_shift_is_pearson_on_the_overlap():
    a, b = chatter(40, 1), chatter(40, 2)
    r = shifted_correlation(a, b, 6)
    assert r[6 + 4] == pytest.approx(np.corrcoef(a[4:], b[:-4])[0, 1])
    assert r[6 - 2] == pytest.approx(np.corrcoef(a[:-2], b[2:])[0, 1])


@pytest.mark.parametrize("still", [0.0, 0.1, 1e6 / 3])
def test_a_still_mouth_has_no_offset(still):
    offset = lip_offset(np.full(75, still), chatter(75), 25)
    assert offset.frames is None
    assert offset.fine is None
    assert offset.seconds is None
    assert share_within([offset, lip_offset(chatter(75), chatter(75), 25)]) == 0.5


def test_many_clips():
    clips = [chatter(75, seed) for seed in range(8)]
    offsets = [lip_offset(np.roll(clip, k), clip, 25) for clip, k in zip(clips, (2, 2, 2, 2, 2, 2, 0, 1))]
    assert share_within(offsets) == 0.25
    assert share_within(offsets, 2) == 1
    assert np.isnan(share_within([]))
    assert pool_offsets(offsets).frames == 2
    assert np.allclose(pool_offsets(offsets).curve, np.mean([offset.curve for offset in offsets], axis=0))
    with pytest.raises(ValueError, match="one frame rate"):
        pool_offsets([offsets[0], lip_offset(clips[0], clips[0], 30)])


@pytest.mark.parametrize("k", [0, 1, 5, 12])
def test_a_delay_is_recovered(k):
    mouth = np.stack([chatter(90, seed) for seed in range(6)], axis=1).reshape(90, 2, 3)
    offset = shift_recovery(mouth[15:75], mouth[15 - k : 75 - k])
    assert offset.frames == k
    assert offset.fine == pytest.approx(k, abs=0.1)
    assert offset.residual == pytest.approx(0, abs=1e-12)
    wrong = shift_recovery(mouth[15:75], 2 * mouth[15 - k : 75 - k])
    assert wrong.frames == k  # in time, but not the same movement
    assert wrong.residual > 0.5


def test_a_head_that_follows_absolute_time_shows():
    mouth = chatter(90)
    assert shift_recovery(mouth, mouth).frames == 0
    nothing = shift_recovery(mouth, np.zeros(90))
    assert nothing.frames is None
    assert np.isnan(nothing.residual)


@pytest.mark.parametrize(
    ("predicted", "target"),
    [
        (np.ones(75), np.ones(74)),
        (np.ones(10), np.ones(10)),
        (np.full(75, np.nan), np.ones(75)),
        (np.ones((75, 2)), np.ones((75, 2))),
    ],
)
def test_curves_that_do_not_fit(predicted, target):
    with pytest.raises(ValueError, match=r"shape|few|number"):
        lip_offset(predicted, target, 25)
