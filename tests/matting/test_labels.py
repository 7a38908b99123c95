# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels against the renders' own; polygons and windows against slower implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from talksplat.core.matting import label_pixels
from talksplat.core.matting.kernels import box_mean, erode
from talksplat.core.matting.regions import polygon_coverage


def test_the_inside_of_the_mouth_is_the_renders(truth):
    found = np.stack([label_pixels(a.shape, a, p) for a, p in zip(truth.alpha, truth.points)])
    mouth = found == 2
    assert not mouth[0].any()  # lips touch
    assert (mouth & truth.mouth).sum() / (mouth | truth.mouth).sum() > 0.7
    assert 0.8 < mouth.sum() / truth.mouth.sum() < 1.25
    assert ((found == 0) == (truth.alpha < 0.5)).all()


def test_without_a_face_there_is_a_person_but_no_mouth(truth):
    nobody = np.full((478, 2), np.nan)
    for points in (None, nobody):
        assert set(np.unique(label_pixels((256, 256), truth.alpha[3], points))) == {0, 1}


@given(st.lists(st.tuples(st.floats(-5, 30), st.floats(-5, 30)), min_size=3, max_size=9))
@settings(max_examples=60, deadline=None)
def test_coverage_is_the_even_odd_rule(corners):
    polygon = np.array(corners)
    samples = (np.arange(24 * 8) + 0.5) / 8
    x, y = np.meshgrid(samples, samples)
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0)):
        spans = (y0 <= y) != (y1 <= y)
        if spans.any():
            inside ^= spans & (x >= x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    slow = inside.reshape(24, 8, 24, 8).mean((1, 3))
    assert (
        np.abs(polygon_coverage((24, 24), polygon) - slow).max() <= 2 / 64
    )  # a crossing on a sample may round either way


def test_coverage_of_a_triangle_is_its_area():
    assert polygon_coverage((40, 40), np.array([[3.2, 4.1], [33.7, 8.8], [12.4, 36.3]])).sum() == pytest.approx(
        0.5 * abs((33.7 - 3.2) * (36.3 - 4.1) - (12.4 - 3.2) * (8.8 - 4.1)), rel=0.01
    )
    assert polygon_coverage((8, 8), np.full((3, 2), np.nan)).sum() == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_box_means_and_erosion_are_scipys(seed, radius):
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 255, (23, 17, 2)).astype(np.float32)
    slow = values.astype(np.float64)
    for axis in (1, 0):  # per axis: truncated windows at the border
        window = np.ones(2 * radius + 1)
        count = ndimage.convolve1d(np.ones_like(slow), window, axis=axis, mode="constant")
        slow = ndimage.convolve1d(slow, window, axis=axis, mode="constant") / count
    for axis in (1, 0):
        count = ndimage.convolve1d(np.ones_like(slow), window, axis=axis, mode="constant")
        slow = ndimage.convolve1d(slow, window, axis=axis, mode="constant") / count
    assert np.abs(box_mean(values, radius) - slow).max() < 1e-3
    mask = rng.uniform(size=(23, 17)) < 0.95
    expected = ndimage.binary_erosion(mask, np.ones((2 * radius + 1,) * 2, bool), border_value=1)
    assert (erode(mask, radius) == expected).all()
