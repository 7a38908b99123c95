# SPDX-License-Identifier: GPL-3.0-or-later
"""Far away a splat is smaller than a pixel: it may not cover more of the picture than it has size for."""

import numpy as np
import pytest
import torch

from talksplat.core.formats import UserError
from talksplat.core.raster import HeldCamera, rasterize


def small_splats(make, n=60):
    """Balls of 2 mm, far apart."""
    columns = make.cloud(n, dtype=torch.float32, extra=0)
    columns["scales"], columns["opacities"] = torch.full((n, 3), 0.002), torch.full((n,), 0.9)
    return columns


def area(picture, camera):
    """What a picture covers, in square metres at the distance 1."""
    return float(picture.alpha.double().sum()) / camera.fx / camera.fy


def test_a_far_splat_is_fainter_instead_of_fatter(make, any_backend):
    """The low-pass alone makes a ball of 0.3 pixels cover twice of itself, and of 0.1 pixels ten times."""
    columns, near = small_splats(make), make.view(width=512, height=512, shift=(0.0, 0.0))
    columns = columns if any_backend != "dense" else {name: values[:8] for name, values in columns.items()}
    covered = {}
    for size, trained in ((512, 0.3), (128, 0.3), (128, 0.3 / 16), (128, 0.0)):
        camera = near.resized(size, size)
        picture = rasterize(**columns, camera=camera, trained_low_pass=trained, backend=any_backend)
        covered[size, trained] = area(picture, camera)
    assert covered[128, 0.3] > 1.8 * covered[512, 0.3]
    assert covered[128, 0.3 / 16] == pytest.approx(covered[512, 0.3], rel=0.05)  # what is below 1/255 is not drawn
    assert covered[128, 0.0] < covered[128, 0.3 / 16]


@pytest.mark.parametrize("trained", [0.0, 0.6])
def test_windows_side_by_side_are_the_whole_picture(make, trained):
    """Also where the Jacobian's clamp acts, which is the camera's and not the window's."""
    columns, camera = make.cloud(400, dtype=torch.float32), make.view(shift=(15.0, -12.0))
    matrix = camera.matrix.copy()
    matrix[2, 3] -= 1.6
    camera = make.view(shift=(15.0, -12.0), matrix=matrix.tolist())
    options = {"camera": camera, "depth": True, "trained_low_pass": trained}
    whole = rasterize(**columns, **options)
    windows = [(left, top, min(left + 29, 70), top + 26) for top in (0, 26) for left in (0, 29, 58)]
    for left, top, right, bottom in windows:
        part = rasterize(**columns, **options, window=(left, top, right, bottom))
        for name in ("color", "alpha", "depth_expected", "extra"):
            torch.testing.assert_close(
                getattr(part, name), getattr(whole, name)[top:bottom, left:right], atol=2e-4, rtol=1e-3
            )


def test_a_held_camera_knows_its_window_and_low_pass(make):
    columns = {name: values.numpy() for name, values in make.cloud(100, dtype=torch.float32).items()}
    held = HeldCamera()
    for options in (
        {"trained_low_pass": 0.0},
        {"trained_low_pass": 0.3},
        {"window": (0, 0, 9, 9)},
        {"window": (9, 9, 18, 18)},
    ):
        for _ in range(3):
            mine = rasterize(**columns, camera=make.view(), **options, held=held)
            assert np.array_equal(mine.color, rasterize(**columns, camera=make.view(), **options).color)


@pytest.mark.parametrize(
    "options", [{"trained_low_pass": -0.1}, {"trained_low_pass": float("nan")}, {"window": (5, 0, 5, 9)}]
)
def test_a_view_that_cannot_be(make, options):
    with pytest.raises(UserError, match=r"is out of range|is empty"):
        rasterize(**make.cloud(3), camera=make.view(), **options)
