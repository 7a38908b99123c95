# SPDX-License-Identifier: GPL-3.0-or-later
"""A depth for each pixel beyond which it takes nothing: what another renderer's surface leaves of the Gaussians."""

import numpy as np
import pytest
import torch

from talksplat.core.formats import UserError
from talksplat.core.raster import HeldCamera, Sampling, Supersampler, limit_of_window, rasterize
from talksplat.core.raster.supersampling import sample_camera

PASSES = ("color", "alpha", "depth_expected", "depth_median", "extra")


@pytest.fixture
def columns(make):
    return {name: values.float().numpy() for name, values in make.cloud(300, coefficients=3).items()}


def limits(camera, columns, seed=0):
    """Some pixels before everything, some behind, some in the middle of it."""
    rng = np.random.default_rng(seed)
    depths = columns["means"] @ camera.matrix[2, :3] + camera.matrix[2, 3]
    values = rng.choice(np.quantile(depths, [0, 0.2, 0.5, 0.9, 1]), (camera.height, camera.width))
    values[rng.random(values.shape) < 0.2] = np.inf
    return values.astype(np.float32)


@pytest.mark.parametrize("blend", ["display", "linear"])
@pytest.mark.parametrize("depth", [True, False])
def test_it_is_the_reference(make, columns, blend, depth):
    camera = make.view()
    limit = limits(camera, columns)
    how = {"camera": camera, "depth": depth, "blend": blend, "far_limit": limit}
    ours = rasterize(**columns, **how, backend="numba")
    exact = rasterize(**{k: torch.from_numpy(v).double() for k, v in columns.items()}, **how, backend="dense")
    for name in PASSES if depth else ("color", "alpha", "extra"):
        assert make.relative(torch.from_numpy(getattr(ours, name)), getattr(exact, name)) < 1e-4, name
    assert (ours.alpha < rasterize(**columns, camera=camera, blend=blend, backend="numba").alpha - 0.1).any()


def test_without_a_limit_nothing_changes_and_at_nothing_nothing_is_there(make, columns):
    camera = make.view()
    plain = rasterize(**columns, camera=camera, depth=True)
    far = np.full((camera.height, camera.width), np.inf, np.float32)
    whole = rasterize(**columns, camera=camera, depth=True, far_limit=far)
    for name in PASSES:
        np.testing.assert_array_equal(getattr(whole, name), getattr(plain, name), err_msg=name)
    assert not rasterize(**columns, camera=camera, far_limit=np.zeros_like(far)).alpha.any()


def test_a_plane_leaves_the_gaussians_before_it(make, columns):
    camera = make.view()
    depths = columns["means"] @ camera.matrix[2, :3] + camera.matrix[2, 3]
    plane = np.float32(np.median(depths))
    limit = np.full((camera.height, camera.width), plane, np.float32)
    before = {name: values if name == "background" else values[depths <= plane] for name, values in columns.items()}
    for held in (None, HeldCamera()):
        for _ in range(2):
            ours = rasterize(**columns, camera=camera, depth=True, far_limit=limit, held=held)
            np.testing.assert_allclose(ours.color, rasterize(**before, camera=camera).color, atol=1e-6)


@pytest.mark.parametrize("per_pixel", [1, 3])
def test_samples_have_their_own_limits(make, columns, per_pixel):
    """A picture of 3 x 3 samples is the mean of one three times as large, with the limit of each sample."""
    camera = make.view(30, 20)
    many = sample_camera(camera, 3)
    fine = limits(many, columns)
    limit = fine if per_pixel == 3 else fine[1::3, 1::3].copy()
    table = [columns[name] for name in ("means", "quats", "scales", "opacities", "sh0", "shN")]
    how = {"depth": True, "blend": "display", "backend": "numba"}
    ours = Supersampler().draw(tuple(table), camera, Sampling(3), far_limit=limit, **how)
    each = limit if per_pixel == 3 else limit.repeat(3, axis=0).repeat(3, axis=1)
    large = rasterize(*table, many, depth=True, far_limit=each)
    np.testing.assert_allclose(ours.alpha, large.alpha.reshape(20, 3, 30, 3).mean((1, 3)), atol=1e-6)


def test_beyond_the_edge_it_is_that_of_the_edge(make):
    camera = make.view(4, 2)
    limit = np.arange(8, dtype=np.float32).reshape(2, 4)
    shown = limit_of_window(limit, camera, (-1, -1, 5, 3))
    np.testing.assert_array_equal(shown[1:3, 1:5], limit)
    np.testing.assert_array_equal(shown[0], [0, 0, 1, 2, 3, 3])


def test_there_are_no_pixel_counts(make, columns):
    """The backward pass that counts would count what the limit hides."""
    camera = make.view()
    limit = np.full((camera.height, camera.width), 1.0, np.float32)
    assert rasterize(**columns, camera=camera, far_limit=limit).pixel_counts is None


def test_what_cannot_be_is_told(make, columns):
    camera = make.view()
    for limit in (np.zeros((3, 3), np.float32), np.full((camera.height, camera.width), np.nan, np.float32)):
        with pytest.raises(UserError, match="far_limit is float32"):
            rasterize(**columns, camera=camera, far_limit=limit)
    leaves = {name: torch.from_numpy(values).requires_grad_() for name, values in columns.items()}
    with pytest.raises(UserError, match="without gradients"):
        rasterize(**leaves, camera=camera, far_limit=np.zeros((camera.height, camera.width), np.float32))
