# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures side by side in one PNG, and a part of one enlarged. Knows nothing of what they show.

Letters: H W their height and width.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ..formats import atomic_write


def write_picture_grid(path: Path, rows: list[list[np.ndarray]]) -> np.ndarray:
    """A grid of [H,W,3] pictures 0..1 of one size, as one PNG, written atomically; gives its codes back."""
    grid = np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
    codes = (np.clip(grid, 0, 1) * 255 + 0.5).astype(np.uint8)
    with atomic_write(path) as beside:
        Image.fromarray(codes).save(beside)
    return codes


def enlarged(picture: np.ndarray, box: tuple[slice, slice], side: int) -> np.ndarray:
    """A part of a picture, enlarged with its own proportions into a side x side square on grey."""
    part = np.clip(picture[box], 0, 1)
    scale = side / max(part.shape[:2])
    size = (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1))
    image = Image.fromarray((part * 255 + 0.5).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    square = Image.new("RGB", (side, side), (30, 30, 30))
    square.paste(image, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(square, dtype=np.float32) / 255
