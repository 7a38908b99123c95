# SPDX-License-Identifier: GPL-3.0-or-later
"""The square of the video that becomes a picture of the footage, and the padding round it.

The camera stands still, so one square crop holds everything the head does in all clips. The backdrop is measured on
what is surely behind the head, and a picture of the footage holds little of that: so pictures are first cut out with
padding round them. Letters: N detected faces.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..formats import UserError

# Room round the face's landmarks, in face widths and heights: hair, ears, the neck to where it fades.
ROOM_BESIDE, ROOM_ABOVE, ROOM_BELOW = 0.42, 0.5, 0.45
PADDING = 0.6  # of a side, on all sides of the crop, as far as the video goes
PERCENTILES = (0.2, 99.8)  # of where the face is: one wrong frame does not widen the crop
NATIVE_RATIO = (0.85, 1.2)  # wanted side over the needed one: in between the crop is taken without resampling
MIN_FACE_ROOM = 2 / 1.5  # face widths of the crop's side


@dataclass(frozen=True)
class CropBox:
    """The crop in the video's pixels, and its padding in the footage's."""

    left: int
    top: int
    video_side: int  # pixels of the video
    side: int  # pixels of the footage
    padding: tuple[int, int, int, int]  # pixels of the footage: left, above, right, below

    @property
    def scale(self) -> float:
        """Pixels of the footage for one of the video."""
        return self.side / self.video_side

    @property
    def inner(self) -> tuple[slice, slice]:
        """The crop's rows and columns in the padded picture."""
        left, above = self.padding[:2]
        return slice(above, above + self.side), slice(left, left + self.side)

    @property
    def padded_size(self) -> tuple[int, int]:
        """Width and height of the padded picture."""
        left, above, right, below = self.padding
        return self.side + left + right, self.side + above + below

    @property
    def padded_box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height of the padded picture in the video's pixels."""
        each = self.video_side / self.side
        left, above, right, below = (each * pixels for pixels in self.padding)
        return self.left - left, self.top - above, self.video_side + left + right, self.video_side + above + below

    def to_crop_pixels(
        self,
        points: np.ndarray,  # [..., 2 or 3] pixels of the video
    ) -> np.ndarray:
        """[..., 2 or 3] float32 pixels of the crop (depth in pixels is scaled alike)."""
        out = np.asarray(points, np.float32) * np.float32(self.scale)
        out[..., :2] -= np.array((self.left, self.top), np.float32) * np.float32(self.scale)
        return out

    def to_crop_intrinsics(
        self,
        K: np.ndarray,  # [3,3] of the video
    ) -> np.ndarray:
        """[3,3] of the crop."""
        cropped = K * self.scale
        cropped[:2, 2] = (K[:2, 2] - (self.left, self.top)) * self.scale
        cropped[2] = (0, 0, 1)
        return cropped


def choose_crop(
    faces: np.ndarray,  # [N,4] left, top, right, bottom of the landmarks, in the video's pixels
    size: tuple[int, int],  # width, height of the video
    side: int,  # pixels of a picture's side; 0: as filmed
    path: Path,  # a video of this size, for the UserError
) -> CropBox:
    """The square round everything the head does, inside the picture. Raises UserError for a face that fills it."""
    left, top, video_side = _head_square(faces, size, side)
    face_width = np.median(faces[:, 2] - faces[:, 0])
    if video_side < MIN_FACE_ROOM * face_width:
        raise UserError(
            f"{path}: its picture of {size[0]}x{size[1]} pixels leaves no room round a face {face_width:.0f} "
            "pixels wide; film from further away."
        )
    side = side or video_side
    room = (left, top, size[0] - left - video_side, size[1] - top - video_side)
    before, above, after, below = (int(min(PADDING * side, pixels * side / video_side)) for pixels in room)
    return CropBox(left, top, video_side, side, (before, above, after, below))


def _head_square(faces: np.ndarray, size: tuple[int, int], wanted_side: int) -> tuple[int, int, int]:
    """Left, top and side in the video's pixels."""
    width, height = np.median(faces[:, 2:] - faces[:, :2], axis=0)
    room_before = np.array((ROOM_BESIDE * width, ROOM_ABOVE * height))
    room_after = np.array((ROOM_BESIDE * width, ROOM_BELOW * height))
    low = np.percentile(faces[:, :2], PERCENTILES[0], axis=0) - room_before
    high = np.percentile(faces[:, 2:], PERCENTILES[1], axis=0) + room_after
    needed = float((high - low).max())
    native = wanted_side and NATIVE_RATIO[0] <= wanted_side / needed <= NATIVE_RATIO[1]
    side = min(wanted_side if native else round(needed), *size)
    middle = (low + high) / 2
    left, top = (int(np.clip(round(middle[axis] - side / 2), 0, size[axis] - side)) for axis in (0, 1))
    return left, top, side
