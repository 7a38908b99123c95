# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of `benchmarks.native`: a row for each head and crop, a column for each way of drawing it."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ENLARGED, MARGIN, HEADING = 2, 4, 16  # times, pixels, pixels
WHITE, INK = (255, 255, 255), (20, 20, 20)


def write_sheet(path: Path, rows: dict[str, list[tuple[str, np.ndarray]]]) -> None:
    """rows: name -> (title, [h,w,3] sRGB codes 0..1) for each column. Every crop of a row has one size."""
    wide = max(sum(p.shape[1] * ENLARGED + MARGIN for _, p in row) for row in rows.values()) + MARGIN
    high = sum(row[0][1].shape[0] * ENLARGED + 2 * HEADING + MARGIN for row in rows.values())
    sheet = Image.new("RGB", (wide, high), WHITE)
    pen, y = ImageDraw.Draw(sheet), 0
    for name, row in rows.items():
        pen.text((MARGIN, y + 2), name, INK)
        x = MARGIN
        for title, picture in row:
            pen.text((x, y + HEADING + 2), title, INK)
            codes = np.rint(255 * picture.clip(0, 1)).astype(np.uint8)
            image = Image.fromarray(codes).resize(
                (picture.shape[1] * ENLARGED, picture.shape[0] * ENLARGED), Image.Resampling.BICUBIC
            )
            sheet.paste(image, (x, y + 2 * HEADING))
            x += image.width + MARGIN
        y += row[0][1].shape[0] * ENLARGED + 2 * HEADING + MARGIN
    sheet.save(path, quality=88)
