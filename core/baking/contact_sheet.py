# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet: some pictures of a shot in a grid, each with its frame number and time.

For a look at a whole shot at once (`talksplat demo`, docs, a review mail). Knows no bake and no camera.

Letters: n pictures, H W their height and width.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..formats import atomic_write

PAPER = (32, 32, 32)
INK = (200, 200, 200)


def contact_sheet(
    path: Path | str,  # .png or .jpg
    pictures: Sequence[np.ndarray],  # n of uint8 [H,W,3] or [H,W,4] (straight alpha)
    labels: Sequence[str],  # n, "12  0.458 s"
    columns: int = 0,  # 0: about as wide as a screen
    width: int = 1920,  # pixels of the whole sheet
) -> None:
    """Write the grid atomically; pictures keep their shape and are scaled down to fit, never up.

    Raises ValueError for no pictures or as many labels as there are not.
    """
    if not pictures or len(pictures) != len(labels):
        raise ValueError(f"{len(pictures)} pictures and {len(labels)} labels do not make a sheet")
    tall, wide = pictures[0].shape[:2]
    columns = columns or min(len(pictures), max(1, round(math.sqrt(len(pictures) * 16 / 9 * tall / wide))))
    rows = math.ceil(len(pictures) / columns)
    gap = 4
    cell = min(wide, (width - gap) // columns - gap)
    high = max(1, round(cell * tall / wide))
    strip = max(14, cell // 16)  # the label's line
    font = ImageFont.load_default(strip * 0.75)
    sheet = Image.new("RGB", (gap + columns * (cell + gap), gap + rows * (high + strip + gap)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (picture, label) in enumerate(zip(pictures, labels)):
        x, y = gap + i % columns * (cell + gap), gap + i // columns * (high + strip + gap)
        tile = Image.fromarray(np.ascontiguousarray(picture)).resize((cell, high), Image.Resampling.LANCZOS)
        sheet.paste(tile, (x, y), tile if tile.mode == "RGBA" else None)
        draw.text((x + 2, y + high), label, INK, font)
    with atomic_write(path) as beside:
        sheet.save(beside)
