# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes to light: the curve, the order of its steps, the matrices from their definitions."""

import numpy as np
import pytest

from talksplat.core.formats import linear_to_srgb, srgb_to_linear
from talksplat.core.interchange.colour import (
    BRIGHTEST,
    COLOUR_SPACES,
    ENCODED,
    display_codes,
    display_to_scene_linear,
    unpremultiply,
)

PRIMARIES = {  # chromaticities of red, green, blue and white
    "lin_rec709_scene": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290)),
    "lin_ap1_scene": ((0.713, 0.293), (0.165, 0.830), (0.128, 0.044), (0.32168, 0.33767)),
    "lin_ap0_scene": ((0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.0770), (0.32168, 0.33767)),
    "srgb_rec709_scene": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290)),
}
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _xyz(space):
    """(matrix from the space to XYZ, its white)."""
    red, green, blue, white = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in PRIMARIES[space])
    columns = np.stack([red, green, blue], axis=1)
    return columns * np.linalg.solve(columns, white), white


@pytest.mark.parametrize("space", list(COLOUR_SPACES))
def test_matrices_follow_from_the_primaries(space):
    source, source_white = _xyz("lin_rec709_scene")
    target, white = _xyz(space)
    adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ white) / (BRADFORD @ source_white)) @ BRADFORD
    assert np.allclose(COLOUR_SPACES[space], np.linalg.solve(target, adapt @ source), atol=2e-9)
    assert np.allclose(COLOUR_SPACES[space].sum(axis=1), 1.0, atol=1e-9)


def test_curve():
    assert np.isclose(srgb_to_linear(128 / 255), 0.2158605)
    assert srgb_to_linear(0.0) == 0.0
    assert np.isclose(srgb_to_linear(1.0), 1.0)
    codes = np.linspace(0, 1.5, 4001)
    assert np.all(np.diff(srgb_to_linear(codes)) > 0)
    assert np.allclose(linear_to_srgb(srgb_to_linear(codes)), codes, atol=1e-7)
    assert np.array_equal(np.rint(linear_to_srgb(srgb_to_linear(np.arange(256) / 255)) * 255), np.arange(256))


def test_soft_edge_over_a_background():
    """0.6 at half coverage over 0.18: 0.2493. The curve on premultiplied codes would give 0.1632."""
    color, alpha = np.full((1, 1, 3), 0.3), np.full((1, 1), 0.5)
    over = display_to_scene_linear(color, alpha) + (1 - alpha[..., None]) * 0.18
    assert np.allclose(over, 0.2493, atol=5e-5)
    assert np.allclose(srgb_to_linear(0.3) + 0.09, 0.1632, atol=5e-5)


@pytest.mark.parametrize("space", list(COLOUR_SPACES))
def test_there_and_back(space):
    rng = np.random.default_rng(0)
    alpha = rng.uniform(0.001, 1.0, (40, 30)).astype(np.float32)
    color = (rng.uniform(0, BRIGHTEST, (40, 30, 3)) * alpha[..., None]).astype(np.float32)
    light = display_to_scene_linear(color, alpha, space)
    assert light.dtype == np.float32
    straight = unpremultiply(light, alpha) @ np.linalg.inv(COLOUR_SPACES[space]).T
    back = (straight if space in ENCODED else linear_to_srgb(straight)) * alpha[..., None]
    assert np.abs(back - color).max() < 2e-6


def test_empty_and_overshooting_pixels():
    color = np.array([[[1e-5, 1e-5, 1e-5], [-0.1, 0.7, 3.0]]])
    alpha = np.array([[0.00005, 1.0]])
    light = display_to_scene_linear(color, alpha)
    assert not light[0, 0].any()
    assert light[0, 1, 0] == 0.0
    assert np.isclose(light[0, 1, 2], srgb_to_linear(BRIGHTEST))


def test_codes_are_straight():
    color, alpha = np.array([[[0.3, 0.15, 0.0], [0.0, 0.0, 0.0]]]), np.array([[0.5, 0.0]])
    assert display_codes(color, alpha).tolist() == [[[153, 76, 0, 128], [0, 0, 0, 0]]]
    assert display_codes(np.array([[[1.4, 0.5, -1.0]]])).tolist() == [[[255, 128, 0]]]
    assert np.allclose(unpremultiply(color, alpha)[0, 0], [0.6, 0.3, 0.0])
