# SPDX-License-Identifier: GPL-3.0-or-later
"""Blending in linear light, as Blender 5.3 blends splats. Gradients: test_dense.py and test_raster_contract.py."""

import numpy as np
import pytest
import torch

from talksplat.core.formats import SH_C0, UserError
from talksplat.core.raster import rasterize

# What EEVEE of Blender 5.3.0 shows for a splat of such a code: open above white, nothing below black.
BLENDER = {
    -0.2: 0.0,
    0.0: 0.0,
    0.04: 0.0031,
    0.25: 0.0509,
    0.5: 0.2140,
    0.9: 0.7874,
    1.0: 1.0,
    1.5: 2.5372,
    2.0: 4.9538,
}
BACKGROUND = (0.2, 0.4, 0.6)


def decoded(codes):
    """The curve as IEC 61966-2-1 writes it."""
    codes = np.maximum(codes, 0)
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def one(make, code, opacity=0.8):
    columns = make.cloud(1, dtype=torch.float32, extra=0)
    columns["means"] = torch.zeros(1, 3)
    columns["scales"] = torch.full((1, 3), 0.2)
    columns["opacities"] = torch.tensor([opacity])
    columns["sh0"] = torch.full((1, 3), (code - 0.5) / SH_C0)
    return columns


@pytest.mark.parametrize(("code", "light"), BLENDER.items())
def test_a_splat_has_the_light_that_blender_gives_it(make, any_backend, code, light):
    picture = rasterize(
        **one(make, code), camera=make.view(), background=torch.tensor(BACKGROUND), blend="linear", backend=any_backend
    )
    alpha = picture.alpha[..., None].double().numpy()
    assert alpha.max() > 0.7
    expected = alpha * decoded(np.float64(code)) + (1 - alpha) * decoded(np.array(BACKGROUND))
    np.testing.assert_allclose(picture.color.numpy(), expected, rtol=1e-4, atol=1e-6)
    assert abs(decoded(np.float64(code)) - light) < 1e-4


def test_what_covers_all_looks_the_same_either_way_and_soft_edges_do_not(make, any_backend):
    """The curve is undone where one colour fills a pixel; between two colours light is brighter than codes are."""
    camera, white = make.view(), torch.ones(3)
    pictures = {
        blend: rasterize(**one(make, 0.1, 0.999), camera=camera, background=white, blend=blend, backend=any_backend)
        for blend in ("display", "linear")
    }
    display, linear = (picture.display_color.numpy() for picture in pictures.values())
    alpha = pictures["display"].alpha.numpy()
    np.testing.assert_allclose(linear[alpha < 1e-3], display[alpha < 1e-3], atol=1e-3)
    soft = (alpha > 0.3) & (alpha < 0.7)
    assert (linear[soft] - display[soft]).min() > 0.1
    assert np.array_equal(pictures["display"].color.numpy(), display)


def test_a_blend_that_there_is_not(make):
    with pytest.raises(UserError, match="blend 'gamma' is unknown; use display or linear"):
        rasterize(**one(make, 0.5), camera=make.view(), blend="gamma")
