# SPDX-License-Identifier: GPL-3.0-or-later
"""Through which camera each frame is rendered. Knows no pixels.

Space: the head's own (Blender's axes, Z up, looking along -Y), metres.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ..formats import BakeReader, Camera, UserError
from ..jobs import Render

T = TypeVar("T")
FIELD_OF_VIEW = math.radians(25.0)  # vertical, of the view that is made for a head without one: a portrait lens
MARGIN = 1.15  # around the head in that view
Matrix = tuple[tuple[float, ...], ...]  # 4x4, row by row
STILL: Matrix = tuple(map(tuple, np.eye(4).tolist()))


def cameras_of(job: Render, bake: BakeReader, frames: Sequence[int]) -> dict[int, Camera]:
    """Frame -> camera, all of one size; of further frames, too, where the job has them. Raises UserError."""
    if not job.cameras:
        if not 1 <= job.size <= 16384:
            raise UserError(f"size {job.size} is out of range; use 1 to 16384 pixels.")
        camera = (bake.card.camera or portrait(bake.canonical.means)).resized(job.size, job.size)
        return dict.fromkeys(frames, camera)
    if len({(camera.width, camera.height) for camera in job.cameras}) > 1:
        raise UserError("the cameras differ in size; render one size at a time.")
    return _by_frame(job, job.cameras, bake, frames, "cameras")


def head_to_world_of(job: Render, bake: BakeReader, frames: Sequence[int]) -> dict[int, np.ndarray]:
    """Frame -> [4,4], head space to the scene's world; of the frames beside, too, where the job has them. Raises
    UserError."""
    still = place_matrix(job.places[0]) if job.places else STILL
    return placed_by_frame(job, job.head_to_world or (still,), bake, frames)


def placed_by_frame(
    job: Render, matrices: Sequence[Matrix], bake: BakeReader, frames: Sequence[int]
) -> dict[int, np.ndarray]:
    """Frame -> [4,4] of one matrix for the whole shot, or one a frame. Raises UserError."""
    for rows in matrices:
        matrix = np.asarray(rows if [len(row) for row in rows] == [4] * 4 else np.nan, dtype=np.float64)
        if not np.isfinite(matrix).all() or np.linalg.det(matrix[:3, :3]) == 0 or list(matrix[3]) != [0, 0, 0, 1]:
            raise UserError("head_to_world must be 4x4 with a scale above 0; set the head's transform again.")
    placed = [np.asarray(rows, dtype=np.float64) for rows in matrices]
    return _by_frame(job, placed, bake, frames, "matrices of head_to_world")


def place_matrix(place: str) -> Matrix:
    """4x4, row by row, of "x,y,z,turn": metres, and degrees around Z, to the left seen from above. Raises UserError."""
    try:
        x, y, z, turn = (float(part) for part in place.split(","))
        if not all(map(math.isfinite, (x, y, z, turn))):
            raise ValueError
    except ValueError:
        raise UserError(
            f"places {place[:60]!r} cannot be read; write x,y,z in metres and the turn in degrees, such as 0.3,0,0,-20."
        ) from None
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return (cos, -sin, 0.0, x), (sin, cos, 0.0, y), (0.0, 0.0, 1.0, z), (0.0, 0.0, 0.0, 1.0)


def world_camera_of(
    camera: Camera,
    head_to_world: np.ndarray,  # [4,4]
) -> Camera:
    """The camera with a view matrix from the scene's world, without scale; the intrinsics stay."""
    matrix = camera.matrix @ np.linalg.inv(head_to_world)
    matrix[:3] /= np.cbrt(abs(np.linalg.det(matrix[:3, :3])))
    return replace(camera, viewmat=tuple(map(tuple, matrix.tolist())))


def beside(cameras: dict[int, Camera], frame: int) -> tuple[Camera, Camera]:
    """Those of the frames before and after; the frame's own where there is none."""
    return cameras.get(frame - 1, cameras[frame]), cameras.get(frame + 1, cameras[frame])


def with_neighbours(frames: Iterable[int]) -> list[int]:
    """These frames and those directly before and after them, ascending, each once."""
    return sorted({number + step for number in frames for step in (-1, 0, 1)})


def _by_frame(job: Render, values: Sequence[T], bake: BakeReader, frames: Sequence[int], name: str) -> dict[int, T]:
    """One for all frames, one a frame of `frames`, or one a frame of the shot; of a job with neighbours those of the
    frames beside, too. Raises UserError for another number."""
    if len(values) == 1:
        return dict.fromkeys(frames, values[0])
    numbers, every = frames, bake.card.span
    if job.with_neighbours:
        numbers, every = with_neighbours(frames), with_neighbours(every)
    for those in (numbers, every):
        if len(values) == len(those):
            return dict(zip(those, values))
    raise UserError(f"{len(values)} {name} do not fit {len(numbers)} frames; give one, or one a frame.")


def portrait(
    means: np.ndarray,  # [N,3] metres
) -> Camera:
    """A square view from the front that frames all but the outermost hundredth of the Gaussians."""
    low, high = np.quantile(means, [0.01, 0.99], axis=0) if len(means) else np.array([[-0.1] * 3, [0.1] * 3])
    centre, size = (low + high) / 2, max(float(np.max(high - low)), 1e-3) * MARGIN
    eye = np.array([centre[0], low[1] - size / 2 / math.tan(FIELD_OF_VIEW / 2), centre[2]])
    return Camera.looking_at(eye, centre, 512, 512, FIELD_OF_VIEW)
