# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of how far training is: truth, render, and both mouths enlarged, a few moments in one PNG."""

from pathlib import Path

import numpy as np
import torch

from ..metrics import mouth_box
from ..reports import enlarge_crop, write_picture_grid
from .views import draw, over, whole

GREY = 0.45  # of the background
MOMENTS = 4


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
        rows.append([truth, render, enlarge_crop(truth, box, side), enlarge_crop(render, box, side)])
    return write_picture_grid(path, rows)
