# SPDX-License-Identifier: GPL-3.0-or-later
"""A pinhole or orthographic camera as plain numbers, for jobs and cards."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .user_error import UserError

CAMERA_KINDS = ("perspective", "orthographic")


@dataclass(frozen=True)
class Camera:
    """OpenCV axes (x right, y down, z forward); pixel centres are at +0.5. Raises UserError for invalid numbers.

    perspective:  u = fx x/z + cx, v = fy y/z + cy  (fx, fy, cx, cy in pixels)
    orthographic: u = fx x + cx,   v = fy y + cy    (fx, fy in pixels per metre)

    `viewmat` maps head space (metres) to camera space; its 3x3 part M may hold a scale, also an uneven one (a scaled
    head object in Blender). The camera centre is -inv(M) t.
    """

    MOST_PIXELS: ClassVar[int] = 16384  # a side
    width: int  # pixels
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    viewmat: tuple[tuple[float, ...], ...]  # 4x4, row by row
    kind: str = "perspective"  # or "orthographic"
    near: float = 0.01  # metres along z
    far: float = 100.0

    def __post_init__(self) -> None:
        if self.kind not in CAMERA_KINDS:
            raise UserError(f"camera kind {self.kind!r} is unknown; use one of {', '.join(CAMERA_KINDS)}.")
        most = self.MOST_PIXELS
        if not (1 <= self.width <= most and 1 <= self.height <= most):
            raise UserError(f"camera size {self.width}x{self.height} is out of range; use 1 to {most} pixels.")
        rows = [len(row) for row in self.viewmat]
        matrix = np.asarray(self.viewmat if rows == [4] * 4 else np.nan, dtype=np.float64)
        numbers = [self.fx, self.fy, self.cx, self.cy, self.near, self.far]
        if not np.isfinite(matrix).all() or not np.isfinite(numbers).all():
            raise UserError("camera numbers must be finite and viewmat 4x4; set the camera again.")
        if min(self.fx, self.fy) <= 0 or not 0 <= self.near < self.far:
            raise UserError("a camera needs fx and fy above 0 and 0 <= near < far; set the camera again.")
        largest = np.abs(matrix[:3, :3]).max()
        if largest == 0 or abs(np.linalg.det(matrix[:3, :3] / largest)) < 1e-9:
            raise UserError("the camera's viewmat is singular; give camera and head a scale above 0.")
        object.__setattr__(self, "viewmat", tuple(tuple(float(v) for v in row) for row in matrix))

    @property
    def matrix(self) -> np.ndarray:
        """`viewmat` as an array: head space -> camera space, [4,4] float64."""
        return np.asarray(self.viewmat, dtype=np.float64)

    @property
    def centre(self) -> np.ndarray:
        """The camera's position in head space, [3] metres."""
        return -np.linalg.solve(self.matrix[:3, :3], self.matrix[:3, 3])

    def resized(self, width: int, height: int) -> "Camera":
        """The same view at another size in pixels; the vertical field of view and the horizontal centre are kept."""
        scale = height / self.height
        return Camera(
            width,
            height,
            self.fx * scale,
            self.fy * scale,
            (self.cx - self.width / 2) * scale + width / 2,
            self.cy * scale,
            self.viewmat,
            self.kind,
            self.near,
            self.far,
        )

    @staticmethod
    def looking_at(eye: np.ndarray, target: np.ndarray, width: int, height: int, fov_y: float) -> "Camera":
        """A perspective camera at `eye` [3] that faces `target` [3], metres, Z up; fov_y: vertical, radians."""
        forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
        right = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.999999 else [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = rotation, -rotation @ np.asarray(eye, dtype=np.float64)
        focal = 0.5 * height / np.tan(0.5 * fov_y)
        return Camera(width, height, focal, focal, width / 2, height / 2, matrix.tolist())
