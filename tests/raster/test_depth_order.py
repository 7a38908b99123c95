# SPDX-License-Identifier: GPL-3.0-or-later
"""The radix sort is numpy's stable sort, whatever range the depths have: it leaves out digits that all share."""

import numpy as np
import pytest

from talksplat.core.raster.numba_bin import depth_order

RNG = np.random.default_rng(0)
DEPTHS = {
    "a head": RNG.uniform(0.8, 1.1, 5000),
    "both sides of the camera's plane": RNG.normal(size=5000),
    "every exponent": np.exp(20 * RNG.normal(size=3000)),
    "many ties": RNG.normal(size=5000).round(1) + 0.0,  # no -0, which sorts before 0
    "neighbours in float32": np.repeat([1, 1.0000001], 300),
    "extremes": np.array([-1e38, 1e38, -1e-38, 1e-38, 0.0]),
    "one": np.ones(1),
    "none": np.ones(0),
}


@pytest.mark.parametrize("depths", DEPTHS.values(), ids=list(DEPTHS))
def test_depth_order_is_a_stable_sort(depths):
    table, tiles = np.zeros((len(depths), 16), np.float32), (RNG.random(len(depths)) < 0.9).astype(np.int32)
    table[:, 9] = depths
    order, keys = depth_order(table, tiles)
    visible = np.flatnonzero(tiles)
    assert np.array_equal(order, visible[np.argsort(table[visible, 9], kind="stable")])
    assert np.array_equal(keys, np.sort(keys))
    assert np.array_equal(keys[1:] == keys[:-1], table[order[1:], 9] == table[order[:-1], 9])
