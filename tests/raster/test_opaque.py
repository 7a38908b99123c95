# SPDX-License-Identifier: GPL-3.0-or-later
"""An opaque surface has no pinholes: the Gaussian that ends a pixel is blended before the pixel stops."""

import pytest
import torch

from talksplat.core.raster import rasterize


def sheets(opacities) -> dict[str, torch.Tensor]:
    """Gaussians wider than the picture, one behind the other."""
    n = len(opacities)
    means = torch.zeros(n, 3)
    means[:, 1] = 0.1 * torch.arange(n)
    quats = torch.tensor([1.0, 0, 0, 0]).repeat(n, 1)
    columns = {"means": means, "quats": quats, "scales": torch.full((n, 3), 50.0), "sh0": torch.ones(n, 3)}
    return columns | {"opacities": torch.tensor(opacities), "shN": torch.zeros(n, 0, 3)}


@pytest.mark.parametrize("backend", ["dense", "numba"])
def test_an_opaque_gaussian_behind_a_nearly_opaque_one_is_drawn(make, backend):
    picture = rasterize(**sheets([0.95, 0.999, 0.5]), camera=make.view(), depth=True, backend=backend)
    assert picture.alpha.min() >= 1 - 1e-3
    assert picture.pixel_counts.tolist() == [70 * 52, 70 * 52, 0]


@pytest.mark.parametrize("seed", range(4))
def test_alpha_is_that_of_a_blend_that_never_stops(make, monkeypatch, seed):
    columns = make.cloud(300, seed=seed)
    columns["opacities"] = 0.9 + 0.0999 * columns["opacities"]
    columns["scales"] = 2 * columns["scales"]
    mine = rasterize(**{k: v.float() for k, v in columns.items()}, camera=make.view(), backend="numba").alpha
    monkeypatch.setattr("talksplat.core.raster.dense.TRANSMITTANCE_MIN", 0.0)
    endless = rasterize(**columns, camera=make.view(), backend="dense").alpha
    assert (mine.double() - endless).abs().max() < 1.05e-4  # what is left when a pixel stops, and rounding
