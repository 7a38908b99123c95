# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage that a head draws of itself: what is stored is what it showed, whichever way it is blended."""

import numpy as np
import pytest

from talksplat.core.footage import LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH
from talksplat.core.footage.picture import pack_picture, unpack_picture
from talksplat.core.formats import Camera, over_background
from talksplat.core.raster import rasterize
from talksplat.samples.actor.draw_footage import stored

CAMERA = Camera.looking_at(np.array([0.0, -0.6, 0.0]), np.zeros(3), 48, 40, 0.4)


def two_soft_splats():
    """A face, and a mouth in front of its middle."""
    means = np.array([[0, 0, 0], [0.01, -0.05, 0]], np.float32)
    scales = np.array([[0.05, 0.01, 0.05], [0.008, 0.008, 0.008]], np.float32)
    quats, sh0 = np.array([[1, 0, 0, 0]] * 2, np.float32), np.array([[1, 0.2, -1], [-1.5, -1, 0.5]], np.float32)
    return means, quats, scales, np.array([0.98, 0.9], np.float32), sh0, None


@pytest.mark.parametrize("blend", ["display", "linear"])
def test_over_grey_the_stored_picture_is_what_the_head_shows(blend):
    splats, mouth, grey = two_soft_splats(), np.array([[0], [1]], np.float32), np.full(3, 0.5, np.float32)
    shown = rasterize(*splats, CAMERA, background=grey, blend=blend).display_color
    rgba, label = stored(rasterize(*splats, CAMERA, extra=mouth, blend=blend))
    picture = unpack_picture(pack_picture(rgba, label, 1))
    assert 0.2 < (picture.alpha > 0.05).mean() < 0.95
    np.testing.assert_allclose(over_background(picture.rgb, picture.alpha, grey, blend), shown.clip(0, 1), atol=2 / 255)
    assert set(np.unique(label)) == {LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH}
    assert label[20, 26] == LABEL_MOUTH
    assert label[0, 0] == LABEL_BACKGROUND
