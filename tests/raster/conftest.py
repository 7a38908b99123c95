# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes, cameras and back ends for the raster's tests.

`backend` is each of BACKENDS but the reference, `any_backend` each of them: an entry added there meets every test of
both. gsplat runs on its stand-in (tests/gsplat_stand_in.py), and as `backend` on a GPU too.
"""

import functools

import numpy as np
import pytest
import torch

from talksplat.core.formats.camera import Camera
from talksplat.core.raster import BACKENDS, dense
from talksplat.core.raster.gsplat_backend import unavailable_reason

REFERENCE = "dense"
GPU = [pytest.mark.gpu, pytest.mark.skipif(unavailable_reason() is not None, reason=str(unavailable_reason()))]
ON_THE_CPU = [pytest.param((name, name == "gsplat"), id=name) for name in BACKENDS]
ON_A_GPU = [pytest.param(("gsplat", False), id="gsplat on a GPU", marks=GPU)]
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


def relative(value: torch.Tensor, expected: torch.Tensor) -> float:
    """|value - expected| / |expected| as L2 norms; the absolute difference where nothing is expected."""
    value, expected = (torch.as_tensor(t).detach().double().cpu() for t in (value, expected))
    assert value.shape == expected.shape
    norm = expected.norm().item()
    return (value - expected).norm().item() / (norm if norm > 0 else 1.0)


def gsplat_rule(monkeypatch) -> None:
    """The reference by gsplat's rule, which leaves out the Gaussian that would end a pixel."""
    monkeypatch.setattr(dense, "blend", functools.partial(dense.blend, drop_last=True))


@pytest.fixture(name="gsplat_rule")
def gsplat_rule_fixture(monkeypatch):
    """See gsplat_rule."""
    gsplat_rule(monkeypatch)


def _ready(request) -> str:
    name, stand_in = request.param
    if name == "gsplat":
        gsplat_rule(request.getfixturevalue("monkeypatch"))
    if stand_in:
        request.getfixturevalue("gsplat_stand_in")
    return name


@pytest.fixture(params=[*(param for param in ON_THE_CPU if param.id != REFERENCE), *ON_A_GPU])
def backend(request):
    """Each back end but the reference."""
    return _ready(request)


@pytest.fixture(params=ON_THE_CPU)
def any_backend(request):
    """Each back end."""
    return _ready(request)


@pytest.fixture
def make():
    """The makers above, for tests (tests have no package to import from)."""

    class Makers:
        columns = COLUMNS

    Makers.view, Makers.cloud, Makers.relative = staticmethod(view), staticmethod(cloud), staticmethod(relative)
    return Makers
