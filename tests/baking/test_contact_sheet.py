# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet shows every picture once, in order, in its own colours."""

import numpy as np
import pytest
from PIL import Image

from talksplat.core.baking.contact_sheet import PAPER, contact_sheet


def solid(colour, size=(30, 40), alpha=None):
    picture = np.full((*size, 3 if alpha is None else 4), 255, np.uint8)
    picture[..., :3] = colour
    if alpha is not None:
        picture[..., 3] = alpha
    return picture


def test_every_picture_stands_in_its_cell(tmp_path):
    colours = [(40 * i, 255 - 40 * i, 7 * i) for i in range(6)]
    contact_sheet(tmp_path / "s.png", [solid(c) for c in colours], [str(i) for i in range(6)], columns=3)
    sheet = np.asarray(Image.open(tmp_path / "s.png"))
    assert sheet.shape[1] == 4 + 3 * 44, "small pictures are not blown up"
    row = (sheet.shape[0] - 4) // 2
    for i, colour in enumerate(colours):
        x, y = 4 + i % 3 * 44 + 20, 4 + i // 3 * row + 15
        np.testing.assert_array_equal(sheet[y, x], colour)
        label = sheet[y + 15 : y + 15 + 14, x - 20 : x + 20]
        assert (label != PAPER).any(), "its number stands below it"


def test_clear_pixels_show_the_paper_and_large_pictures_shrink(tmp_path):
    pictures = [solid((200, 0, 0), (400, 400), alpha=0), solid((0, 200, 0), (400, 400), alpha=255)]
    contact_sheet(tmp_path / "s.png", pictures, ["a", "b"], columns=2, width=208)
    sheet = np.asarray(Image.open(tmp_path / "s.png"))
    assert sheet.shape[1] == 208 - 4 + 4
    np.testing.assert_array_equal(sheet[50, 50], PAPER)
    np.testing.assert_array_equal(sheet[50, 150], (0, 200, 0))


@pytest.mark.parametrize(("count", "labels"), [(0, 0), (2, 1)])
def test_pictures_and_labels_belong_together(tmp_path, count, labels):
    with pytest.raises(ValueError, match="do not make a sheet"):
        contact_sheet(tmp_path / "s.png", [solid((0, 0, 0))] * count, ["x"] * labels)
    assert not list(tmp_path.iterdir())
