# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the shutter is open around each frame of a render, and how the camera sees the head meanwhile. Knows no
pixels.

A time is in frames from the frame's own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..formats import BakeReader, Camera, UserError
from ..jobs import SHUTTER_POSITIONS, Render, shutter_times
from .picture_window import Margin, with_margin
from .render_cameras import beside

MOST_SHUTTER = 4.0  # frames; the longest that a frame's neighbours are baked for on a farm
MOST_SAMPLES = 1024  # sub-frames that can be asked for
MOST_CURVE = 4096  # numbers of a shutter curve


@dataclass(frozen=True)
class Exposure:
    """One frame's."""

    opens: float
    closes: float
    curve: tuple[float, ...]  # how far the shutter is open, evenly from its opening to its closing; () or wholly
    samples: int  # sub-frames; 0: by the motion
    key_times: tuple[float, ...]  # three, ascending
    cameras: tuple[Camera, ...]  # at those times

    @property
    def times(self) -> tuple[float, float, float]:
        """When the shutter opens, is half through, and closes."""
        return self.opens, (self.opens + self.closes) / 2, self.closes

    @property
    def steps_beside(self) -> range:
        """From the frame to the stored ones that the time between two of them depends on (between_frames.py)."""
        return range(math.floor(self.opens) - 1, math.ceil(self.closes) + 2)

    def sub_frames(self, count: int) -> list[tuple[float, float]]:
        """(time, weight) of `count` equal steps of the shutter's time, each at its middle; the weights are those of the
        curve and sum to 1. Without those that the shutter is closed for."""
        shares = (np.arange(count) + 0.5) / count
        weights = np.interp(shares, np.linspace(0, 1, len(self.curve)), self.curve) if self.curve else np.ones(count)
        if not weights.any():  # the curve is open between the steps alone
            weights = np.ones(count)
        times = self.opens + shares * (self.closes - self.opens)
        return [(float(t), float(w)) for t, w in zip(times, weights / weights.sum()) if w]

    def camera_at(self, time: float) -> Camera:
        """The camera at a time in the shutter's: by the parabola through those of the key times, the rotation made one
        again. A pan by 6 degrees meanwhile errs by less than 0.03 pixels (a picture 1920 wide, a lens of 50 mm)."""
        first, middle, last = self.cameras
        if first == middle == last:
            return middle
        shares = _lagrange(self.key_times, min(max(time, self.key_times[0]), self.key_times[-1]))

        def blended(*values: np.ndarray | float) -> np.ndarray:
            return np.tensordot(shares, np.array(values), axes=1)

        matrix = blended(*(camera.matrix for camera in self.cameras))
        scale = blended(*(np.cbrt(abs(np.linalg.det(camera.matrix[:3, :3]))) for camera in self.cameras))
        left, _, right = np.linalg.svd(matrix[:3, :3])
        matrix[:3, :3] = scale * left @ right
        names = ("fx", "fy", "cx", "cy")
        lens = {name: float(blended(*(getattr(camera, name) for camera in self.cameras))) for name in names}
        return replace(middle, viewmat=tuple(map(tuple, matrix.tolist())), **lens)


def _lagrange(nodes: Sequence[float], x: float) -> np.ndarray:
    """The weights of the values at three nodes for their parabola at x."""
    return np.array([math.prod((x - b) / (a - b) for b in nodes if b != a) for a in nodes])


def check_exposure(job: Render) -> None:
    """Raises UserError for a shutter that cannot be."""
    if job.shutter_position not in SHUTTER_POSITIONS:
        known = ", ".join(SHUTTER_POSITIONS)
        raise UserError(f"shutter_position {job.shutter_position!r} is unknown; use one of {known}.")
    if not 0 <= job.shutter <= MOST_SHUTTER:
        raise UserError(f"a shutter of {job.shutter:g} frames is out of range; use 0 to {MOST_SHUTTER:g}.")
    if not 0 <= job.motion_samples <= MOST_SAMPLES:
        raise UserError(f"{job.motion_samples} motion samples are out of range; use 0 to {MOST_SAMPLES}.")
    curve = np.asarray(job.shutter_curve, dtype=np.float64)
    if len(curve) and not (
        2 <= len(curve) <= MOST_CURVE and np.isfinite(curve).all() and curve.min() >= 0 < curve.max()
    ):
        raise UserError("a shutter curve has two numbers or more, none below 0 and not all 0; set the curve again.")
    for row in job.shutter_cameras:
        same = {(camera.width, camera.height, camera.kind) for camera in row}
        if len(row) not in (0, 3) or len(same) > 1:
            raise UserError("shutter_cameras needs three cameras of one size and kind for a frame, or none.")


def exposures_of(
    job: Render, bake: BakeReader, frames: Sequence[int], cameras: dict[int, Camera], margin: Margin = (0, 0)
) -> dict[int, Exposure | None]:
    """Frame -> its exposure; None where there is no motion blur. cameras: with the margin. Raises UserError."""
    check_exposure(job)
    if not (job.motion_blur and job.shutter):
        return dict.fromkeys(frames)
    times = shutter_times(job.shutter, job.shutter_position)
    common = (times[0], times[2], job.shutter_curve, job.motion_samples)
    rows = _rows(job, bake, frames)
    if rows is None:
        return {
            n: Exposure(*common, (-1, 0, 1), (b[0], cameras[n], b[1])) for n in frames for b in [beside(cameras, n)]
        }
    seen = {n: tuple(with_margin(camera, margin) for camera in rows[n]) or (cameras[n],) * 3 for n in frames}
    return {n: Exposure(*common, times, seen[n]) for n in frames}


def _rows(job: Render, bake: BakeReader, frames: Sequence[int]) -> dict[int, tuple[Camera, ...]] | None:
    rows = job.shutter_cameras
    if not rows:
        return None
    for numbers in (frames, bake.card.span):
        if len(rows) == len(numbers):
            return dict(zip(numbers, rows))
    raise UserError(f"{len(rows)} rows of shutter_cameras do not fit {len(frames)} frames; give one a frame.")
