# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of how far training is: truth, render, and both mouths enlarged, a few moments in one PNG."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..formats.atomic import written_beside
from ..metrics import mouth_box
from .views import draw, over, whole

GREY = 0.45  # of the background
MOMENTS = 4


def show(path: Path, rows: list[list[np.ndarray]]) -> np.ndarray:
    """A grid of [H,W,3] pictures 0..1 of one size, as one PNG, written atomically; gives its codes back."""
    grid = np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
    codes = (np.clip(grid, 0, 1) * 255 + 0.5).astype(np.uint8)
    with written_beside(path) as beside:
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


def moments(frames: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """A few pictures from closed to wide open."""
    order = np.argsort(gaps, kind="stable")
    return frames[order[np.linspace(0, len(order) - 1, min(MOMENTS, len(order))).astype(int)]]


@torch.no_grad()
def preview(path: Path, trainer, frames: np.ndarray) -> np.ndarray:
    """truth | render | truth's mouth | render's mouth, a row a frame (train pictures); gives its codes back."""
    rows, background = [], torch.full((3,), GREY, device=trainer.device)
    for frame in frames:
        view = whole(trainer.fine, int(frame))
        moved = trainer.model(*trainer.codes_at(int(frame)))
        truth, render = (t.cpu().numpy() for t in (over(view, background), draw(moved, view.camera, background).color))
        box = mouth_box(trainer.fine.landmarks2d[frame], trainer.fine.width, trainer.fine.height)
        side = truth.shape[0]
        rows.append([truth, render, enlarged(truth, box, side), enlarged(render, box, side)])
    return show(path, rows)
