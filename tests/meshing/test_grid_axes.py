# SPDX-License-Identifier: GPL-3.0-or-later
"""The grid rises from below the head to above it, wherever a card says that the face is."""

from types import SimpleNamespace

import numpy as np
import pytest

from talksplat.core.formats import Camera, UserError
from talksplat.core.meshing.depth_views import DepthView
from talksplat.core.meshing.proxy_mesh import grid_axes

SPACING = 0.009


def a_wall(half):
    """One view of a square wall, 2 `half` wide, half a metre from the camera."""
    matrix = Camera.looking_at(np.array([0.0, -0.5, 0.0]), np.zeros(3), 64, 64, 1.0).viewmat
    camera = Camera(64, 64, 32 / half, 32 / half, 32, 32, matrix, "orthographic", far=1.0)
    return [DepthView(camera, np.full((64, 64), 0.5, np.float32), np.zeros((64, 64), np.float32))]


def head_with(landmarks):
    return SimpleNamespace(source="anna.head", card=SimpleNamespace(training={"landmarks": landmarks}))


@pytest.mark.parametrize("at", [None, (0.0, 0.0, 0.0), (0.1, 0.0, 0.0), (5.0, -5.0, 0.0), (1e9, 0.0, 0.0)])
@pytest.mark.parametrize("size", [0.0, 0.05, 100.0])
def test_it_rises_from_below_the_head_to_above_it(at, size):
    spread = np.random.default_rng(1).uniform(-size, size, (68, 3))
    landmarks = () if at is None else (spread + at).tolist()
    for axis, extent in zip(grid_axes(a_wall(0.2), head_with(landmarks), SPACING), (0.19, 0.0, 0.19)):
        steps = np.diff(axis)
        assert steps.min() > 0.49 * SPACING
        assert steps.max() < 1.01 * SPACING
        assert axis[0] < -extent - SPACING
        assert axis[-1] > extent + SPACING


def test_the_face_has_the_finer_steps():
    landmarks = np.random.default_rng(1).uniform(-0.05, 0.05, (68, 3))
    x, _, _ = grid_axes(a_wall(0.2), head_with(landmarks.tolist()), SPACING)
    steps = np.diff(x)
    assert steps[np.abs(x[:-1]) < 0.02] == pytest.approx(SPACING / 2)
    assert steps[np.abs(x[:-1]) > 0.1] == pytest.approx(SPACING)


def test_a_head_as_large_as_a_house_is_told_before_anything_is_allocated():
    with pytest.raises(UserError, match=r"anna\.head.*too large"):
        grid_axes([a_wall(5e4)[0], a_wall(5e4)[0]], head_with(()), 1e-4)
