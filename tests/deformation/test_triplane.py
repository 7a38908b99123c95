# SPDX-License-Identifier: GPL-3.0-or-later
"""The tri-plane against a literal loop, finite differences, and its two paths against each other."""

import math

import numpy as np
import pytest
import torch

from talksplat.core.deformation.triplane import TriPlane, torch_encode
from talksplat.core.performance.branch_settings import BranchSettings

FACE_AXIS = [16, 18, 19, 21, 22, 24, 26, 28, 31, 33, 36, 39]
MOUTH_AXIS = [64, 64, 63, 63, 62, 62, 61, 60, 60, 59, 59, 58]


def small(**changes):
    return BranchSettings(base=4.0, finest=9.0, levels=3, centre=(0.1, -0.2, 0.3), half_extent=0.5, **changes)


def with_random_tables(settings, seed=0):
    generator = torch.Generator().manual_seed(seed)
    plane = TriPlane(settings)
    with torch.no_grad():
        plane.tables.normal_(generator=generator)
    return plane


def points(n, settings, spread=1.2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(n, 3, generator=generator) * 2 - 1
    return torch.tensor(settings.centre) + unit * settings.half_extent * spread


@pytest.mark.parametrize(
    ("settings", "rows", "axis"),
    [(BranchSettings.face(), 9464, FACE_AXIS), (BranchSettings.mouth(), 46600, MOUTH_AXIS)],
)
def test_the_grids_are_talkinggaussians(settings, rows, axis):
    assert settings.rows == rows
    assert [level.nodes - 1 for level in settings.level_table()] == axis
    assert TriPlane(settings).tables.shape == (3, rows)


def literal(x01, tables, settings):
    """One point, one feature at a time, straight from the published layout."""
    out = []
    for plane, (a, b) in enumerate(((0, 1), (1, 2), (0, 2))):
        for level in settings.level_table():
            x, y = x01[a], x01[b]
            if not (0 <= x <= 1 and 0 <= y <= 1):
                out.append(0.0)
                continue
            x, y = x * level.scale + 0.5, y * level.scale + 0.5
            i, j = math.floor(x), math.floor(y)
            out.append(
                sum(
                    tables[plane, level.first + (i + di) + (j + dj) * level.nodes]
                    * (x - i if di else 1 - x + i)
                    * (y - j if dj else 1 - y + j)
                    for di in (0, 1)
                    for dj in (0, 1)
                )
            )
    return out


@pytest.mark.parametrize("settings", [BranchSettings.face(), small()])
def test_both_paths_equal_the_literal_layout(settings):
    plane = with_random_tables(settings)
    means = points(60, settings)
    x01 = plane.unit(means).double()
    tables = plane.tables.detach().double().numpy()
    expected = np.array([literal(row, tables, settings) for row in x01.numpy()])
    numba_path = plane(means).detach().numpy()
    scale = torch.tensor([level.scale for level in settings.level_table()], dtype=torch.float64)
    torch_path = torch_encode(x01, plane.tables.double(), scale, plane.nodes, plane.first)
    assert (expected == 0).any()
    assert (expected != 0).any()
    np.testing.assert_allclose(torch_path.detach().numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(numba_path, expected, atol=3e-5)  # float32 node coordinates up to 39


def test_numba_equals_torch_values_and_both_gradients():
    settings = BranchSettings.face()
    plane = with_random_tables(settings)
    means = points(3000, settings).requires_grad_()
    upstream = torch.randn(3000, 36, generator=torch.Generator().manual_seed(2))

    def results(encode):
        means.grad = plane.tables.grad = None
        value = encode(means)
        value.backward(upstream)
        return value.detach(), means.grad, plane.tables.grad

    ours = results(plane)
    theirs = results(lambda m: torch_encode(plane.unit(m), plane.tables, plane.scale, plane.nodes, plane.first))
    for a, b in zip(ours, theirs):
        assert (a - b).abs().max() <= 1e-5 * b.abs().max()
        assert b.abs().max() > 0


def test_the_tables_gradient_is_the_same_bits_every_time():
    plane = with_random_tables(small())
    means = points(5000, small())
    gradients = []
    for _ in range(2):
        plane.tables.grad = None
        plane(means).square().sum().backward()
        gradients.append(plane.tables.grad.clone())
    assert torch.equal(*gradients)


def test_finite_differences_in_float64():
    settings = small()
    plane = with_random_tables(settings).double()
    means = points(8, settings, spread=1.1, seed=5).double().requires_grad_()
    assert torch.autograd.gradcheck(plane, (means,), eps=1e-7, atol=1e-5)
    tables = plane.tables.detach().requires_grad_()
    x01 = plane.unit(means.detach())
    assert torch.autograd.gradcheck(lambda t: torch_encode(x01, t, plane.scale, plane.nodes, plane.first), (tables,))


@pytest.mark.parametrize("spoiled", [math.nan, math.inf, 1e30])
def test_a_wild_position_encodes_to_zero_in_its_planes(spoiled):
    plane = with_random_tables(small())
    means = points(3, small(), spread=0.5)
    means[1, 0] = spoiled
    features = plane(means).detach().reshape(3, 3, -1)
    assert (features[1, [0, 2]] == 0).all()  # xy and xz
    assert (features[1, 1] != 0).all()  # yz
    assert torch.isfinite(features).all()


def test_the_corners_of_the_bounds_stay_within_the_table():
    for settings in (BranchSettings.face(), BranchSettings.mouth(), BranchSettings(base=361, finest=361, levels=3)):
        for level in settings.level_table():
            last = math.floor(level.scale + 0.5) + 1  # the far node that x01 = 1 touches
            assert last <= level.nodes - 1
            assert level.first + last + last * level.nodes < level.first + level.rows
            assert level.rows <= 1 << 17  # dense, as the original's hash grid still is
