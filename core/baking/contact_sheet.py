# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet: images of a shot in a grid, each with a label such as its frame number and time.

It shows a whole shot at once (`talksplat demo`, docs, a review mail). Knows no bake and no camera.

Letters: n images, H W their height and width.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..formats import atomic_write

BACKGROUND = (32, 32, 32)
TEXT = (200, 200, 200)
GAP = 4  # pixels between two images


def contact_sheet(
    path: Path | str,  # .png or .jpg
    images: Sequence[np.ndarray],  # n of uint8 [H,W,3] or [H,W,4] (straight alpha)
    labels: Sequence[str],  # n, "12  0.458 s"
    columns: int = 0,  # 0: so that the sheet has about a screen's shape
    width: int = 1920,  # pixels of the whole sheet
) -> None:
    """Write the grid atomically; images keep their shape and are scaled down to fit, never up.

    Raises ValueError for no images and for another number of labels.
    """
    if not images or len(images) != len(labels):
        raise ValueError(f"{len(images)} images and {len(labels)} labels do not make a sheet")
    height, image_width = images[0].shape[:2]
    aspect = height / image_width
    columns = columns or min(len(images), max(1, round(math.sqrt(len(images) * 16 / 9 * aspect))))
    rows = math.ceil(len(images) / columns)
    cell_width = min(image_width, (width - GAP) // columns - GAP)
    cell_height = max(1, round(cell_width * aspect))
    label_height = max(14, cell_width // 16)
    font = ImageFont.load_default(label_height * 0.75)
    size = GAP + columns * (cell_width + GAP), GAP + rows * (cell_height + label_height + GAP)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for i, (image, label) in enumerate(zip(images, labels)):
        x, y = GAP + i % columns * (cell_width + GAP), GAP + i // columns * (cell_height + label_height + GAP)
        scaled = Image.fromarray(np.ascontiguousarray(image)).resize(
            (cell_width, cell_height), Image.Resampling.LANCZOS
        )
        sheet.paste(scaled, (x, y), scaled if scaled.mode == "RGBA" else None)
        draw.text((x + 2, y + cell_height), label, TEXT, font)
    with atomic_write(path) as temporary:
        sheet.save(temporary)
