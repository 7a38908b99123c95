# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference against finite differences and against a loop over pixels that shares no line with it."""

import math

import numpy as np
import pytest
import torch

from talksplat.core.raster import rasterize


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
@pytest.mark.parametrize("coefficients", [0, 15])
@pytest.mark.parametrize(("blend", "trained"), [("display", 0.3), ("linear", 0.3), ("display", 0.0), ("display", 0.9)])
def test_gradients_are_finite_differences(make, kind, coefficients, blend, trained):
    """Opaque enough and few enough that no threshold is crossed by the step."""
    columns = make.cloud(5, coefficients, seed=4, extra=1)
    columns["scales"] = columns["scales"] * 4
    columns["opacities"] = 0.3 + 0.4 * columns["opacities"]
    columns["sh0"] = columns["sh0"].abs()

    def pictures(*values):
        picture = rasterize(
            *values[:6],
            make.view(7, 5, kind, shift=(0.4, -0.3)),
            extra=values[6],
            depth=True,
            background=torch.tensor([0.3, 0.2, 0.1], dtype=torch.float64),
            blend=blend,
            trained_low_pass=trained,
            backend="dense",
        )
        return picture.color, picture.display_color, picture.alpha, picture.depth_expected, picture.extra

    leaves = [columns[name].requires_grad_() for name in make.columns]
    assert torch.autograd.gradcheck(
        pictures, leaves, eps=1e-6, atol=1e-6, rtol=1e-4, fast_mode=True, check_undefined_grad=False
    )


def by_hand(columns, camera):
    """Colour, alpha, median depth and counts, one pixel and one Gaussian after the other, straight from the paper."""
    means, quats, scales, opacities, sh0 = (
        columns[name].numpy() for name in ("means", "quats", "scales", "opacities", "sh0")
    )
    W, t = camera.matrix[:3, :3], camera.matrix[:3, 3]
    splats = []
    for i, mean in enumerate(means):
        x, y, z = W @ mean + t
        w, a, b, c = quats[i] / np.linalg.norm(quats[i])
        cross = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
        R = np.eye(3) + 2 * w * cross + 2 * cross @ cross  # Rodrigues
        J = np.array([[camera.fx / z, 0, -camera.fx * x / z**2], [0, camera.fy / z, -camera.fy * y / z**2]])
        cov = J @ W @ R @ np.diag(scales[i] ** 2) @ R.T @ W.T @ J.T + 0.3 * np.eye(2)
        centre = np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy])
        splats.append((z, i, centre, np.linalg.inv(cov), np.maximum(0.28209479177387814 * sh0[i] + 0.5, 0)))
    splats.sort(key=lambda splat: splat[0])
    color, alpha = np.zeros((camera.height, camera.width, 3)), np.zeros((camera.height, camera.width))
    median, counts = np.zeros_like(alpha), np.zeros(len(means), int)
    for v in range(camera.height):
        for u in range(camera.width):
            T = 1.0
            for z, i, centre, conic, shade in splats:
                d = np.array([u + 0.5, v + 0.5]) - centre
                a = min(0.999, opacities[i] * math.exp(-0.5 * d @ conic @ d))
                if a < 1 / 255:
                    continue
                if T <= 1e-4:
                    break
                if T >= 0.5 > T * (1 - a):
                    median[v, u] = z
                color[v, u] += T * a * shade
                T *= 1 - a
                counts[i] += 1
            alpha[v, u] = 1 - T
    return color, alpha, median, counts


def test_the_reference_is_the_paper_by_hand(make):
    columns, camera = make.cloud(120, seed=5), make.view(23, 19, shift=(1.3, -0.8))
    columns["opacities"] = columns["opacities"].clamp(max=0.9999)
    columns["opacities"][::3] = 1.0  # stops many pixels early
    columns["scales"] = columns["scales"] * 1.5
    color, alpha, median, counts = by_hand(columns, camera)
    for backend, tolerance in (("dense", 1e-12), ("numba", 1e-5)):
        picture = rasterize(**columns, camera=camera, depth=True, backend=backend)
        assert make.relative(picture.color, torch.tensor(color)) < tolerance
        assert make.relative(picture.alpha, torch.tensor(alpha)) < tolerance
        assert make.relative(picture.depth_median, torch.tensor(median)) < tolerance
        assert picture.pixel_counts.tolist() == counts.tolist()
    assert alpha.max() > 0.999
    assert (median == 0).any()
    assert (median > 0).any()
