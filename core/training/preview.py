# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of how far training is: target, render, and both mouths enlarged, a few moments in one PNG."""

from pathlib import Path

import numpy as np
import torch

from ..metrics import mouth_box
from ..reports import enlarge_crop, write_picture_grid
from .training_run import TrainingRun
from .views import blend_target, draw, full_view

GREY = 0.45  # of the background
ROWS = 4


def preview_frames(frames: np.ndarray, lip_gaps: np.ndarray) -> np.ndarray:  # [F], [F]
    """A few pictures from closed to wide open."""
    order = np.argsort(lip_gaps, kind="stable")
    return frames[order[np.linspace(0, len(order) - 1, min(ROWS, len(order))).astype(int)]]


@torch.no_grad()
def write_preview(path: Path, run: TrainingRun, frames: np.ndarray) -> np.ndarray:
    """target | render | the target's mouth | the render's mouth, one row per frame (train pictures); returns the
    PNG's 8-bit values."""
    rows, background, blend = [], torch.full((3,), GREY, device=run.device), run.settings.blend
    for frame in frames:
        view = full_view(run.footage, int(frame))
        moved = run.model(*run.condition_at(int(frame)))
        drawn = draw(moved, view.camera, background, None, blend, run.settings.antialiased).display_color
        pictures = blend_target(view, background, blend), drawn
        target, rendered = (picture.cpu().numpy() for picture in pictures)
        box, side = mouth_box(run.footage.landmarks2d[frame], run.footage.width, run.footage.height), target.shape[0]
        rows.append([target, rendered, enlarge_crop(target, box, side), enlarge_crop(rendered, box, side)])
    return write_picture_grid(path, rows)
