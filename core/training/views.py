# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture of the footage to a loss: which part of it, over which background.

Two kinds of view, equally dear: the whole picture made smaller, and a window of the full-size picture (the camera's
principal point moves). Not in the paper: chosen because lips need full-size pixels and a CPU cannot afford them
everywhere.

Letters: H W of a view, N Gaussians, F pictures.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..footage import Footage
from ..formats import Camera
from ..head import DeformedHead
from ..metrics import mouth_box
from ..raster import Rendering, rasterize

MOUTH_WINDOWS = 0.6  # share of windows around the mouth; others lie around a random landmark or anywhere on the head
UNDER = 0.12  # of the distance from the bridge of the nose to the chin: from there on it is neck and torso
FACING = 0.2  # cosine between the camera's direction and the face's front from which on a face is seen


@dataclass(frozen=True)
class View:
    frame: int
    camera: Camera
    rgb: np.ndarray  # [H,W,3] premultiplied
    alpha: np.ndarray  # [H,W]
    mouth: np.ndarray  # [H,W] share of inside mouth
    box: tuple[slice, slice]  # the mouth in this view; may be empty
    torso: np.ndarray  # [H,W] bool: under the chin


def whole(footage: Footage, frame: int) -> View:
    picture = footage.picture(frame)
    box = mouth_box(footage.landmarks2d[frame], footage.width, footage.height)
    return View(
        frame,
        footage.camera(frame),
        picture.rgb,
        picture.alpha,
        picture.mouth,
        box,
        under_chin(footage.landmarks2d[frame], footage.width, footage.height),
    )


def under_chin(landmarks: np.ndarray, width: int, height: int) -> np.ndarray:  # [68,2] pixels -> [H,W] bool
    """Pixels that lie further down the face's own axis (bridge of the nose to chin) than UNDER of its length."""
    axis = landmarks[8] - landmarks[27]
    reach = (1 + UNDER) * float(axis @ axis) + float(landmarks[27] @ axis)
    return axis[0] * np.arange(width)[None] + axis[1] * np.arange(height)[:, None] > reach


def window(view: View, centre: np.ndarray, width: int, height: int) -> View:
    """A part of a view around pixel `centre` [2], kept inside it."""
    width, height = min(width, view.camera.width), min(height, view.camera.height)
    x0 = int(np.clip(round(centre[0] - width / 2), 0, view.camera.width - width))
    y0 = int(np.clip(round(centre[1] - height / 2), 0, view.camera.height - height))
    part = np.s_[y0 : y0 + height, x0 : x0 + width]
    camera = replace(view.camera, width=width, height=height, cx=view.camera.cx - x0, cy=view.camera.cy - y0)
    rows, columns = view.box
    box = (
        slice(max(rows.start - y0, 0), min(max(rows.stop - y0, 0), height)),
        slice(max(columns.start - x0, 0), min(max(columns.stop - x0, 0), width)),
    )
    cut = {name: np.ascontiguousarray(getattr(view, name)[part]) for name in ("rgb", "alpha", "mouth", "torso")}
    return View(view.frame, camera, box=box, **cut)


def random_window(footage: Footage, frame: int, side: int, facing: bool, rng: np.random.Generator) -> View:
    """A square window of the picture at the footage's size; of a head seen from behind, anywhere on it."""
    view, marks = whole(footage, frame), footage.landmarks2d[frame]
    if facing and rng.random() < MOUTH_WINDOWS:
        centre = marks[48:].mean(axis=0) + rng.normal(0, side / 8, 2)
    elif facing and rng.random() < 0.5:
        centre = marks[rng.integers(48)] + rng.normal(0, side / 6, 2)
    else:
        covered = np.flatnonzero(view.alpha > 0.5)
        pixel = int(covered[rng.integers(len(covered))]) if len(covered) else 0
        centre = np.array([pixel % view.camera.width, pixel // view.camera.width], dtype=np.float64)
    return window(view, centre, side, side)


def faces(footage: Footage, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """[F] bool: the camera of a picture sees the face (the head looks along -Y). landmarks [F,68,3]."""
    towards = np.stack([footage.camera(int(i)).centre for i in frames]) - landmarks.mean(axis=1)
    return -towards[:, 1] / np.linalg.norm(towards, axis=1) > FACING


def draw(moved: DeformedHead, camera: Camera, background: Tensor | None, members: Tensor | None = None) -> Rendering:
    """The head through a camera; `members` [N,1] is 1 for inside-mouth Gaussians and comes back as `extra`."""
    return rasterize(
        moved.means,
        moved.quats,
        moved.scales,
        moved.opacities,
        moved.sh[:, 0],
        moved.sh[:, 1:],
        camera,
        background=background,
        extra=members,
    )


def over(view: View, background: Tensor) -> Tensor:
    """The view's truth over a background [3], [H,W,3], where the background lies."""
    rgb, alpha = (torch.from_numpy(part).to(background.device) for part in (view.rgb, view.alpha))
    return rgb + (1.0 - alpha)[..., None] * background
