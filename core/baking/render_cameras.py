# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of a bake are rendered, and through which cameras. Knows no pixels.

Space: the head's own (Blender's axes, Z up, looking along -Y), metres.
"""

import math

import numpy as np

from ..formats import BakeReader, Camera, UserError
from ..jobs import Render

FIELD = math.radians(25.0)  # vertical, of the view that is made for a head without one: a portrait lens
MARGIN = 1.15  # around the head in that view


def frames_of(job: Render, bake: BakeReader) -> range:
    """The frame numbers to render. Raises UserError for frames outside the shot or not baked yet."""
    span = bake.card.span
    first = span[0] if job.first is None else job.first
    last = span[-1] if job.last is None else job.last
    if not (first in span and last in span and first <= last):
        raise UserError(
            f"{job.bake}: holds frames {span[0]} to {span[-1]}; {first} to {last} are asked for, "
            "set first and last within them."
        )
    wanted = range(first, last + 1)
    there = set(bake.frames)
    missing = [number for number in wanted if number not in there]
    if missing:
        raise UserError(
            f"{job.bake}: {len(missing)} of the {len(wanted)} frames are not baked yet (the first is "
            f"{missing[0]}); start the bake again, it goes on where it stopped."
        )
    return wanted


def cameras_of(job: Render, bake: BakeReader, wanted: range) -> dict[int, Camera]:
    """Frame -> camera, all of one size. Raises UserError."""
    if not job.cameras:
        if not 1 <= job.size <= 16384:
            raise UserError(f"size {job.size} is out of range; use 1 to 16384 pixels.")
        camera = (bake.card.camera or portrait(bake.canonical.means)).resized(job.size, job.size)
        return dict.fromkeys(wanted, camera)
    if len({(camera.width, camera.height) for camera in job.cameras}) > 1:
        raise UserError("the cameras differ in size; render one size at a time.")
    if len(job.cameras) == 1:
        return dict.fromkeys(wanted, job.cameras[0])
    if len(job.cameras) == len(wanted):
        return dict(zip(wanted, job.cameras))
    if len(job.cameras) == bake.card.frame_count:
        return {number: job.cameras[number - bake.card.frame_start] for number in wanted}
    raise UserError(f"{len(job.cameras)} cameras do not fit {len(wanted)} frames; give one, or one a frame.")


def portrait(
    means: np.ndarray,  # [N,3] metres
) -> Camera:
    """A square view from the front that frames all but the outermost hundredth of the Gaussians."""
    low, high = np.quantile(means, [0.01, 0.99], axis=0) if len(means) else np.array([[-0.1] * 3, [0.1] * 3])
    centre, size = (low + high) / 2, max(float(np.max(high - low)), 1e-3) * MARGIN
    eye = np.array([centre[0], low[1] - size / 2 / math.tan(FIELD / 2), centre[2]])
    return Camera.looking_at(eye, centre, 512, 512, FIELD)
