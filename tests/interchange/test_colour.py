# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes to light: the curve, the order of its steps, the matrices from their definitions."""

import numpy as np
import pytest

from talksplat.core.formats import linear_to_srgb, srgb_to_linear
from talksplat.core.interchange.colour import (
    BRIGHTEST,
    COLOUR_SPACES,
    EMPTY_ALPHA,
    ENCODED,
    FAR_AWAY,
    display_codes,
    far_where_empty,
    scene_linear_planes,
)

from . import float64_colour
from .float64_colour import scene_linear, unpremultiply

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
    over = scene_linear(color, alpha) + (1 - alpha[..., None]) * 0.18
    assert np.allclose(over, 0.2493, atol=5e-5)
    assert np.allclose(srgb_to_linear(0.3) + 0.09, 0.1632, atol=5e-5)


@pytest.mark.parametrize("space", list(COLOUR_SPACES))
def test_there_and_back(space):
    rng = np.random.default_rng(0)
    alpha = rng.uniform(0.001, 1.0, (40, 30)).astype(np.float32)
    color = (rng.uniform(0, BRIGHTEST, (40, 30, 3)) * alpha[..., None]).astype(np.float32)
    light = scene_linear(color, alpha, space=space)
    assert light.dtype == np.float32
    straight = unpremultiply(light, alpha) @ np.linalg.inv(COLOUR_SPACES[space]).T
    back = (straight if space in ENCODED else linear_to_srgb(straight)) * alpha[..., None]
    assert np.abs(back - color).max() < 2e-6


def test_empty_and_overshooting_pixels():
    color = np.array([[[1e-5, 1e-5, 1e-5], [-0.1, 0.7, 3.0]]])
    alpha = np.array([[0.00005, 1.0]])
    light = scene_linear(color, alpha)
    assert not light[0, 0].any()
    assert light[0, 1, 0] == 0.0
    assert np.isclose(light[0, 1, 2], srgb_to_linear(BRIGHTEST))


def test_codes_are_straight():
    color, alpha = np.array([[[0.3, 0.14, 0.0], [0.0, 0.0, 0.0]]]), np.array([[0.5, 0.0]])
    assert display_codes(color, alpha).tolist() == [[[153, 71, 0, 128], [0, 0, 0, 0]]]
    assert display_codes(np.array([[[1.4, 0.5, -1.0]]])).tolist() == [[[255, 128, 0]]]
    assert np.allclose(unpremultiply(color, alpha)[0, 0], [0.6, 0.28, 0.0])


@pytest.fixture
def picture():
    """Everything that can be: empty pixels, hardly covered ones, overshoot both ways, halves of codes."""
    rng = np.random.default_rng(4)
    alpha = np.where(rng.random((64, 300)) < 0.3, 0, rng.random((64, 300)) ** 3).astype(np.float32)
    alpha[0, :4] = 1e-5, EMPTY_ALPHA, 1.00001, 1
    straight = rng.uniform(-0.2, 1.5, (64, 300, 3))
    straight[1, :256] = (np.arange(256)[:, None] + 0.5) / 255
    alpha[1] = 1
    return (straight * alpha[..., None]).astype(np.float32), alpha


@pytest.mark.parametrize("blend", ["display", "linear"])
def test_codes_are_those_of_the_formula(picture, blend):
    np.testing.assert_array_equal(display_codes(*picture, blend), float64_colour.codes(*picture, blend))


@pytest.mark.parametrize("blend", ["display", "linear"])
@pytest.mark.parametrize("space", list(COLOUR_SPACES))
def test_light_is_that_of_the_formula_rounded_once(picture, blend, space):
    color, alpha = picture
    expected = np.moveaxis(scene_linear(color, alpha, blend, space), -1, 0)
    full = scene_linear_planes(color, alpha, blend, space, full_float=True)
    assert full.dtype == np.float32
    np.testing.assert_array_equal(full[3], np.clip(alpha, 0, 1))
    np.testing.assert_array_max_ulp(full[:3], expected, 1)
    half = scene_linear_planes(color, alpha, blend, space)
    np.testing.assert_array_equal(half, full.astype(np.float16))


def test_every_float16_and_what_lies_between_is_rounded_as_numpy_does():
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    between = (halves[:-1] + halves[1:]) / 2  # exact, and to even
    values = np.concatenate(
        [halves, between, np.nextafter(between, np.float32(0)), np.nextafter(between, np.float32(9e9))]
    )
    values = values[values <= 1]
    alpha = values[None]
    np.testing.assert_array_equal(
        scene_linear_planes(np.zeros((1, len(values), 3), np.float32), alpha)[3], alpha.astype(np.float16)
    )


def test_depth_is_far_away_where_nothing_is():
    depth, alpha = np.float32([[1.5, 0.0, 2.0]]), np.float32([[0.5, 0.5, 1e-5]])
    np.testing.assert_array_equal(far_where_empty(depth, alpha), np.float32([[1.5, FAR_AWAY, FAR_AWAY]]))
