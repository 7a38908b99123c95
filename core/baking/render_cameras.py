# SPDX-License-Identifier: GPL-3.0-or-later
"""Through which camera each frame is rendered. Knows no pixels.

Space: the head's own (Blender's axes, Z up, looking along -Y), metres.
"""

import math

import numpy as np

from ..formats import BakeReader, Camera, UserError
from ..jobs import Render

FIELD_OF_VIEW = math.radians(25.0)  # vertical, of the view that is made for a head without one: a portrait lens
MARGIN = 1.15  # around the head in that view


def cameras_of(job: Render, bake: BakeReader, frames: range) -> dict[int, Camera]:
    """Frame -> camera, all of one size. Raises UserError."""
    if not job.cameras:
        if not 1 <= job.size <= 16384:
            raise UserError(f"size {job.size} is out of range; use 1 to 16384 pixels.")
        camera = (bake.card.camera or portrait(bake.canonical.means)).resized(job.size, job.size)
        return dict.fromkeys(frames, camera)
    if len({(camera.width, camera.height) for camera in job.cameras}) > 1:
        raise UserError("the cameras differ in size; render one size at a time.")
    if len(job.cameras) == 1:
        return dict.fromkeys(frames, job.cameras[0])
    if len(job.cameras) == len(frames):
        return dict(zip(frames, job.cameras))
    if len(job.cameras) == bake.card.frame_count:
        return {number: job.cameras[number - bake.card.frame_start] for number in frames}
    raise UserError(f"{len(job.cameras)} cameras do not fit {len(frames)} frames; give one, or one a frame.")


def portrait(
    means: np.ndarray,  # [N,3] metres
) -> Camera:
    """A square view from the front that frames all but the outermost hundredth of the Gaussians."""
    low, high = np.quantile(means, [0.01, 0.99], axis=0) if len(means) else np.array([[-0.1] * 3, [0.1] * 3])
    centre, size = (low + high) / 2, max(float(np.max(high - low)), 1e-3) * MARGIN
    eye = np.array([centre[0], low[1] - size / 2 / math.tan(FIELD_OF_VIEW / 2), centre[2]])
    return Camera.looking_at(eye, centre, 512, 512, FIELD_OF_VIEW)
