# SPDX-License-Identifier: GPL-3.0-or-later
"""From a picture of the footage to a view: which part of it, over which background; and the head in that view.

Two kinds of view, equally expensive: the full picture made smaller, and a window of the full-size picture (the camera's
principal point moves). Not in the paper: chosen because lips need full-size pixels and a CPU cannot afford them
everywhere.

Letters: H W of a view, N Gaussians, F pictures.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..footage import Footage
from ..formats import Camera, over_background
from ..head import DeformedHead
from ..metrics import mouth_box
from ..raster import Rendering, rasterize, trained_low_pass

MOUTH_WINDOWS = 0.6  # share of windows around the mouth; others are around a random landmark or anywhere on the head
BELOW_CHIN = 0.12  # of the distance from the bridge of the nose to the chin: below it are neck and torso
FACING = 0.2  # cosine between the camera's direction and the face's front above which a face is seen


@dataclass(frozen=True)
class View:
    """A picture of the footage, or a window of one, and its camera."""

    frame: int
    camera: Camera
    rgb: np.ndarray  # [H,W,3] premultiplied
    alpha: np.ndarray  # [H,W]
    mouth: np.ndarray  # [H,W] share of inside mouth
    box: tuple[slice, slice]  # the mouth in this view; may be empty
    torso: np.ndarray  # [H,W] bool: below the chin


def full_view(footage: Footage, frame: int) -> View:
    """The full picture at the footage's size."""
    picture, landmarks, size = footage.picture(frame), footage.landmarks2d[frame], (footage.width, footage.height)
    return View(
        frame,
        footage.camera(frame),
        picture.rgb,
        picture.alpha,
        picture.mouth,
        mouth_box(landmarks, *size),
        torso_mask(landmarks, *size),
    )


def torso_mask(landmarks: np.ndarray, width: int, height: int) -> np.ndarray:  # [68,2] pixels -> [H,W] bool
    """Pixels that are further down the face's own axis (bridge of the nose to chin) than BELOW_CHIN of its length."""
    axis = landmarks[8] - landmarks[27]
    limit = (1 + BELOW_CHIN) * float(axis @ axis) + float(landmarks[27] @ axis)
    return axis[0] * np.arange(width)[None] + axis[1] * np.arange(height)[:, None] > limit


def crop_view(view: View, centre: np.ndarray, width: int, height: int) -> View:
    """A window of a view around pixel `centre` [2], kept inside it."""
    width, height = min(width, view.camera.width), min(height, view.camera.height)
    x0 = int(np.clip(round(centre[0] - width / 2), 0, view.camera.width - width))
    y0 = int(np.clip(round(centre[1] - height / 2), 0, view.camera.height - height))
    window = np.s_[y0 : y0 + height, x0 : x0 + width]
    rgb, alpha, mouth, torso = (
        np.ascontiguousarray(channel[window]) for channel in (view.rgb, view.alpha, view.mouth, view.torso)
    )
    camera = replace(view.camera, width=width, height=height, cx=view.camera.cx - x0, cy=view.camera.cy - y0)
    box = _clip_slice(view.box[0], y0, height), _clip_slice(view.box[1], x0, width)
    return View(view.frame, camera, rgb, alpha, mouth, box, torso)


def _clip_slice(pixels: slice, first: int, count: int) -> slice:
    """The part of `pixels` inside a window that starts at pixel `first`, counted from there."""
    return slice(max(pixels.start - first, 0), min(max(pixels.stop - first, 0), count))


def random_window(footage: Footage, frame: int, side: int, facing: bool, rng: np.random.Generator) -> View:
    """A square window of the picture at the footage's size; of a head seen from behind, anywhere on it."""
    view, landmarks = full_view(footage, frame), footage.landmarks2d[frame]
    if facing and rng.random() < MOUTH_WINDOWS:
        centre = landmarks[48:].mean(axis=0) + rng.normal(0, side / 8, 2)
    elif facing and rng.random() < 0.5:
        centre = landmarks[rng.integers(48)] + rng.normal(0, side / 6, 2)
    else:
        covered = np.flatnonzero(view.alpha > 0.5)
        pixel = int(covered[rng.integers(len(covered))]) if len(covered) else 0
        centre = np.array([pixel % view.camera.width, pixel // view.camera.width], dtype=np.float64)
    return crop_view(view, centre, side, side)


def sees_face(footage: Footage, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:  # [F], [F,68,3] metres
    """[F] bool: the camera of a picture sees the face (the head looks along -Y)."""
    direction = np.stack([footage.camera(int(i)).centre for i in frames]) - landmarks.mean(axis=1)
    return -direction[:, 1] / np.linalg.norm(direction, axis=1) > FACING


def draw(
    moved: DeformedHead,
    camera: Camera,
    background: Tensor,
    is_mouth: Tensor | None = None,
    blend: str = "display",
    antialiased: bool = False,
) -> Rendering:
    """The head through a camera, over a background [3] of sRGB codes; `is_mouth` [N,1] is 1 for inside-mouth Gaussians
    and comes back as `extra`; blend: of BLENDS; antialiased: whether opacities make up for the low-pass."""
    return rasterize(
        moved.means,
        moved.quats,
        moved.scales,
        moved.opacities,
        moved.sh[:, 0],
        moved.sh[:, 1:],
        camera,
        background=background,
        extra=is_mouth,
        blend=blend,
        trained_low_pass=trained_low_pass(antialiased),
    )


def blend_target(view: View, background: Tensor, blend: str = "display") -> Tensor:
    """The view's picture over a background [3], blended as the head is: [H,W,3] sRGB codes, on the background's
    device."""
    rgb, alpha = (torch.from_numpy(channel).to(background.device) for channel in (view.rgb, view.alpha))
    return over_background(rgb, alpha, background, blend)
