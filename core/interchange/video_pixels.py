# SPDX-License-Identifier: GPL-3.0-or-later
"""A decoded video frame -> upright sRGB codes in square pixels, cropped and scaled in one step.

Knows no files and no time.

Letters: W x H pixels as stored, upright or square as said.
"""

from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image

from ..formats import UserError
from .video_hdr import HDR_CURVES, hdr_to_srgb

# All of it: without the last three the colour of a red lip is off by up to half a pixel and 3 codes.
ACCURATE = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)
UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
HD_ROWS = 720  # from which an unspecified matrix is BT.709, as players take it
CropBox = tuple[float, float, float, float]  # left, top, width, height in square upright pixels


class Orientation:
    """How a stored frame is rotated to be upright: quarter turns and mirrors, from its display matrix."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self.is_transposed = self.is_mirrored = self.is_flipped = False
        side_data: SideDataContainer = frame.side_data  # pyright: ignore[reportAssignmentType]  # the stub is wrong
        for data in side_data:
            if data.type.name == "DISPLAYMATRIX":
                # Rows of 3: x' = a x + c y, y' = b x + d y with x right and y down.
                a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(np.int64)
                self.is_transposed = bool(abs(b) + abs(c) > abs(a) + abs(d))
                x, y = (c, b) if self.is_transposed else (a, d)
                self.is_mirrored, self.is_flipped = bool(x < 0), bool(y < 0)

    def to_upright(self, rgb: np.ndarray) -> np.ndarray:
        """[H,W,3] as stored -> a view of it that is upright."""
        rgb = rgb.swapaxes(0, 1) if self.is_transposed else rgb
        return rgb[:: -1 if self.is_flipped else 1, :: -1 if self.is_mirrored else 1]


def square_pixel_size(width: int, height: int, pixel_aspect: Fraction, orientation: Orientation) -> tuple[int, int]:
    """(width, height) of the upright picture in square pixels; rows stay as they are, columns are added or removed."""
    square_width = max(1, round(width * pixel_aspect))
    return (height, square_width) if orientation.is_transposed else (square_width, height)


class FrameConverter:
    """Converts the frames of one video. Raises UserError for a crop that is not inside the picture."""

    def __init__(
        self,
        orientation: Orientation,
        square: tuple[int, int],  # W, H of the whole picture, upright, square pixels
        size: tuple[int, int] | None = None,  # W, H of the result; None: one for each square pixel
        crop: CropBox | None = None,  # None: all
    ) -> None:
        self.orientation, self.square = orientation, square
        self.crop = crop or (0.0, 0.0, float(square[0]), float(square[1]))
        left, top, width, height = self.crop
        inside = left >= 0 and top >= 0 and left + width <= square[0] + 1e-6 and top + height <= square[1] + 1e-6
        if not inside or width <= 0 or height <= 0:
            raise UserError(
                f"the crop {self.crop} is not inside a picture of {square[0]} x {square[1]}; choose one inside it."
            )
        self.size = size or (max(1, round(width)), max(1, round(height)))
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """[H,W,3] uint8 sRGB of `size`, C-contiguous, read-only."""
        rgb = np.ascontiguousarray(self.orientation.to_upright(self._stored_rgb(frame)))
        height, width = rgb.shape[:2]
        box = self._crop_in_stored_pixels(width, height)
        if self.size != (width, height) or box != (0.0, 0.0, width, height):
            rgb = np.array(Image.fromarray(rgb).resize(self.size, Image.Resampling.BICUBIC, box=box))
        if int(frame.color_trc) in HDR_CURVES:
            rgb = hdr_to_srgb(rgb, int(frame.color_trc))
        rgb.flags.writeable = False
        return rgb

    def _crop_in_stored_pixels(self, width: int, height: int) -> CropBox:
        """left, top, right, bottom of the crop in a picture of that size."""
        left, top, crop_width, crop_height = self.crop
        x, y = width / self.square[0], height / self.square[1]
        return left * x, top * y, min((left + crop_width) * x, width), min((top + crop_height) * y, height)

    def _stored_rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """[H,W,3] uint8 of the stored picture, by the matrix and range that it says or its kind implies."""
        matrix = None
        if int(frame.colorspace) == UNSPECIFIED and not frame.format.is_rgb:
            matrix = Colorspace.ITU709 if frame.height >= HD_ROWS else Colorspace.ITU601
        rgb = self._reformatter.reformat(
            frame,
            format="rgb24",
            src_colorspace=matrix,
            interpolation=ACCURATE,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        return rgb.to_ndarray()
