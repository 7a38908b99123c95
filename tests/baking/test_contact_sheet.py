# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet shows every image once, in order, in its own colours."""

import numpy as np
import pytest
from PIL import Image

from talksplat.core.baking.contact_sheet import BACKGROUND, contact_sheet


def solid(colour, size=(30, 40), alpha=None):
    image = np.full((*size, 3 if alpha is None else 4), 255, np.uint8)
    image[..., :3] = colour
    if alpha is not None:
        image[..., 3] = alpha
    return image


def test_every_image_is_in_its_cell(tmp_path):
    colours = [(40 * i, 255 - 40 * i, 7 * i) for i in range(6)]
    contact_sheet(tmp_path / "s.png", [solid(c) for c in colours], [str(i) for i in range(6)], columns=3)
    sheet = np.asarray(Image.open(tmp_path / "s.png"))
    assert sheet.shape[1] == 4 + 3 * 44, "small images are not enlarged"
    row = (sheet.shape[0] - 4) // 2
    for i, colour in enumerate(colours):
        x, y = 4 + i % 3 * 44 + 20, 4 + i // 3 * row + 15
        np.testing.assert_array_equal(sheet[y, x], colour)
        label = sheet[y + 15 : y + 15 + 14, x - 20 : x + 20]
        assert (label != BACKGROUND).any(), "its label is below it"


def test_transparent_pixels_show_the_background_and_large_images_shrink(tmp_path):
    images = [solid((200, 0, 0), (400, 400), alpha=0), solid((0, 200, 0), (400, 400), alpha=255)]
    contact_sheet(tmp_path / "s.png", images, ["a", "b"], columns=2, width=208)
    sheet = np.asarray(Image.open(tmp_path / "s.png"))
    assert sheet.shape[1] == 208 - 4 + 4
    np.testing.assert_array_equal(sheet[50, 50], BACKGROUND)
    np.testing.assert_array_equal(sheet[50, 150], (0, 200, 0))


@pytest.mark.parametrize(("count", "labels"), [(0, 0), (2, 1)])
def test_an_image_needs_a_label(tmp_path, count, labels):
    with pytest.raises(ValueError, match="do not make a sheet"):
        contact_sheet(tmp_path / "s.png", [solid((0, 0, 0))] * count, ["x"] * labels)
    assert not list(tmp_path.iterdir())
