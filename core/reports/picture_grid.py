# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures side by side in one PNG, and enlarged crops. Knows not what they show.

Letters: H W their height and width.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ..formats import atomic_write


def write_picture_grid(path: Path, rows: list[list[np.ndarray]]) -> np.ndarray:
    """Write rows of [H,W,3] pictures 0..1 of equal size as one PNG, atomically; returns its 8-bit values."""
    grid = np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
    pixels = (np.clip(grid, 0, 1) * 255 + 0.5).astype(np.uint8)
    with atomic_write(path) as temporary:
        Image.fromarray(pixels).save(temporary)
    return pixels


def enlarge_crop(picture: np.ndarray, box: tuple[slice, slice], side: int) -> np.ndarray:
    """The `box` (rows, columns) of a picture [H,W,3] 0..1, scaled to fit a side x side square on grey; float32."""
    crop = np.clip(picture[box], 0, 1)
    scale = side / max(crop.shape[:2])
    size = (max(round(crop.shape[1] * scale), 1), max(round(crop.shape[0] * scale), 1))
    image = Image.fromarray((crop * 255 + 0.5).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    square = Image.new("RGB", (side, side), (30, 30, 30))
    square.paste(image, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(square, dtype=np.float32) / 255
