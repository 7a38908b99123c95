# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes and cameras for the raster's tests."""

import numpy as np
import pytest
import torch

from talksplat.core.formats.camera import Camera

COLUMNS = ("means", "quats", "scales", "opacities", "sh0", "shN", "extra")


def view(width=70, height=52, kind="perspective", shift=(7.0, -4.0), matrix=None) -> Camera:
    """A camera 2 m before the origin with unequal focal lengths and an off-centre principal point."""
    around = Camera.looking_at(np.array([0.4, -2.0, 0.3]), np.zeros(3), width, height, 0.7)
    focal = around.fx / 2 if kind == "orthographic" else around.fx
    return Camera(
        width,
        height,
        focal,
        1.1 * focal,
        width / 2 + shift[0],
        height / 2 + shift[1],
        around.viewmat if matrix is None else matrix,
        kind,
    )


def cloud(n=500, coefficients=0, seed=0, dtype=torch.float64, extra=2) -> dict[str, torch.Tensor]:
    """n Gaussians of all shapes and opacities around the origin."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    columns = {
        "means": 0.3 * normal(n, 3),
        "quats": 2 * normal(n, 4),
        "scales": torch.exp(0.6 * normal(n, 3) - 3.3),
        "opacities": torch.sigmoid(2 * normal(n)),
        "sh0": normal(n, 3),
        "shN": 0.3 * normal(n, coefficients, 3),
        "extra": normal(n, extra),
    }
    return {name: values.float().to(dtype) for name, values in columns.items()}  # the same numbers in every type


def relative(value: torch.Tensor, wanted: torch.Tensor) -> float:
    """|value - wanted| / |wanted| as L2 norms; the absolute difference where nothing is wanted."""
    value, wanted = (torch.as_tensor(t).detach().double().cpu() for t in (value, wanted))
    assert value.shape == wanted.shape
    norm = wanted.norm().item()
    return (value - wanted).norm().item() / (norm if norm > 0 else 1.0)


@pytest.fixture
def make():
    """The makers above, for tests (tests have no package to import from)."""

    class Makers:
        columns = COLUMNS

    Makers.view, Makers.cloud, Makers.relative = staticmethod(view), staticmethod(cloud), staticmethod(relative)
    return Makers
