# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawing that takes over Blender's ways one by one begins with ours, and each way is what it says."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.native_rays import Way, draw, filter_taps
from talksplat.core.formats import Camera, Gaussians
from talksplat.core.raster import rasterize

SIDE = 24
CAMERA = Camera.looking_at(np.array([0.0, -0.6, 0.0]), np.zeros(3), SIDE, SIDE, 0.4)


def cloud(count=60, seed=0):
    rng = np.random.default_rng(seed)
    floats = {
        "means": rng.uniform(-0.08, 0.08, (count, 3)),
        "quats": rng.normal(size=(count, 4)),
        "scales": rng.uniform(0.002, 0.02, (count, 3)),
        "opacities": rng.uniform(0.1, 0.95, count),
        "sh0": rng.normal(size=(count, 3)),
        "shN": 0.3 * rng.normal(size=(count, 3, 3)),
    }
    floats["quats"] /= np.linalg.norm(floats["quats"], axis=1, keepdims=True)
    return Gaussians(**{name: values.astype(np.float32) for name, values in floats.items()})


def drawn(g, box=(3, 5, 20, 21), **way):
    return draw(g, CAMERA, list(box), Way(**way))


@pytest.mark.parametrize("blend", ["display", "linear"])
def test_our_own_way_is_the_rasterizer_s(blend):
    g = cloud()
    picture = rasterize(g.means, g.quats, g.scales, g.opacities, g.sh0, g.shN, CAMERA, blend=blend)
    own = np.concatenate([picture.color, picture.alpha[..., None]], axis=-1)[5:21, 3:20]
    np.testing.assert_allclose(drawn(g, light=blend == "linear"), own, atol=2e-4)


@pytest.mark.parametrize("shape", ["box", "blackman", "gaussian"])
def test_a_filter_keeps_what_is_even_and_blurs_an_edge(shape):
    taps = filter_taps(1.5, shape)
    assert taps[:, 2].sum() == pytest.approx(1)
    np.testing.assert_allclose(taps[:, 2] @ taps[:, :2], 0, atol=1e-12)
    one = replace(cloud(1), means=np.zeros((1, 3), np.float32), scales=np.full((1, 3), 0.004, np.float32))
    sharp, soft = drawn(one)[..., 3], drawn(one, taps=taps)[..., 3]
    assert soft.max() < sharp.max()
    assert soft.sum() == pytest.approx(sharp.sum(), rel=0.03)


def test_along_the_ray_a_slanted_splat_is_in_front_on_one_side_and_behind_on_the_other():
    """By its centre it is in front of both or behind both."""
    turn = np.deg2rad(40) / 2
    g = Gaussians(
        means=np.array([[0, -0.001, 0], [0, 0, 0]], np.float32),
        quats=np.array([[np.cos(turn), 0, 0, np.sin(turn)], [1, 0, 0, 0]], np.float32),
        scales=np.array([[0.04, 0.001, 0.02]] * 2, np.float32),
        opacities=np.full(2, 0.99, np.float32),
        sh0=np.array([[2, 0, 0], [0, 0, 2]], np.float32),
        shN=np.zeros((2, 0, 3), np.float32),
    )
    box = (0, SIDE // 2, SIDE, SIDE // 2 + 1)
    by_centre, by_ray = (drawn(g, box, response="ray", order=order)[0] for order in ("centre", "ray"))
    middle = slice(SIDE // 2 - 4, SIDE // 2 + 4)
    is_red = [row[middle, 0] > row[middle, 2] for row in (by_centre, by_ray)]
    assert is_red[0].all()
    assert 2 <= is_red[1].sum() <= 6
