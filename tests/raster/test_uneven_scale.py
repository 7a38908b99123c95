# SPDX-License-Identifier: GPL-3.0-or-later
"""A head that its scene has scaled unevenly: as if the Gaussians themselves had been stretched."""

from dataclasses import replace

import numpy as np
import pytest

from talksplat.core.formats import matrix_from_quaternion
from talksplat.core.formats.camera import Camera
from talksplat.core.raster import Sampling, Supersampler, rasterize

from ..tiny_files import gaussians

STRETCH = np.array([[1.6, 0.2, 0.0], [0.0, 0.7, 0.1], [0.0, 0.0, -1.2]])  # with shear, and mirrored
VIEW = Camera.looking_at([0.2, -1.5, 0.1], [0, 0, 0], 60, 48, 0.5)


def stretched(g):
    """The Gaussians under STRETCH, as rotation and scale again."""
    half = matrix_from_quaternion(g.quats).astype(np.float64) * g.scales[:, None, :]
    moved = STRETCH @ half
    values, axes = np.linalg.eigh(moved @ moved.transpose(0, 2, 1))
    axes[np.linalg.det(axes) < 0] *= -1
    return (g.means @ STRETCH.T).astype(np.float32), axes, np.sqrt(np.maximum(values, 0)).astype(np.float32)


def quaternions(matrices):
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(matrices).as_quat(scalar_first=True).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 3])
def test_it_is_drawn_as_stretched_gaussians_are(samples):
    g = gaussians(200)
    means, axes, scales = stretched(g)
    matrix = np.eye(4)
    matrix[:3, :3] = STRETCH
    view = replace(VIEW, viewmat=tuple(map(tuple, (VIEW.matrix @ matrix).tolist())))
    none = np.zeros((200, 0, 3), np.float32)  # colours are seen in head space: another direction, on purpose
    how = {"depth": True, "blend": "display", "backend": "numba"}

    def draw(columns, camera):
        if samples > 1:
            return Supersampler().draw(columns, camera, Sampling(samples), **how)
        return rasterize(*columns, camera, **how)

    ours = draw((g.means, g.quats, g.scales, g.opacities, g.sh0, none), view)
    theirs = draw((means, quaternions(axes), scales, g.opacities, g.sh0, none), VIEW)
    assert theirs.alpha.max() > 0.9
    for name in ("color", "alpha", "depth_expected"):
        assert np.abs(getattr(ours, name) - getattr(theirs, name)).max() < 2e-3, name
