# SPDX-License-Identifier: GPL-3.0-or-later
"""A decoded picture -> upright sRGB codes in square pixels, cropped and scaled in one step.

Knows no files and no time.

Letters: W x H pixels as stored, upright or square as said.
"""

from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image

from .video_hdr import CURVES, hdr_to_srgb

# All of it: without the last three the colour of a red lip is off by up to half a pixel and 3 codes.
CAREFUL = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)
UNSAID = 2  # AVCOL_SPC_UNSPECIFIED
HD = 720  # rows from which an unsaid matrix is BT.709, as players take it
Box = tuple[float, float, float, float]  # left, top, width, height in square upright pixels


class Turn:
    """How a stored picture is turned to stand upright: quarter turns and mirrors, from its display matrix."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self.transposed = self.mirrored = self.upended = False
        for data in frame.side_data:
            if data.type.name == "DISPLAYMATRIX":
                # Rows of 3: x' = a x + c y, y' = b x + d y with x right and y down.
                a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(np.int64)
                self.transposed = bool(abs(b) + abs(c) > abs(a) + abs(d))
                x, y = (c, b) if self.transposed else (a, d)
                self.mirrored, self.upended = bool(x < 0), bool(y < 0)

    def upright(self, rgb: np.ndarray) -> np.ndarray:
        rgb = rgb.swapaxes(0, 1) if self.transposed else rgb
        return rgb[:: -1 if self.upended else 1, :: -1 if self.mirrored else 1]


def square_size(width: int, height: int, pixel_aspect: Fraction, turn: Turn) -> tuple[int, int]:
    """(width, height) of the upright picture in square pixels: rows stay as they are, columns are added or taken."""
    wide = max(1, round(width * pixel_aspect))
    return (height, wide) if turn.transposed else (wide, height)


class Press:
    """Frames of one film -> rgb [H,W,3] uint8, C-contiguous, not to be written into."""

    def __init__(
        self,
        turn: Turn,
        square: tuple[int, int],  # W, H of the whole picture, upright, square pixels
        size: tuple[int, int] | None = None,  # W, H of what comes out; None: one for each square pixel
        crop: Box | None = None,  # None: all
    ) -> None:
        self.turn, self.square = turn, square
        self.crop = crop or (0.0, 0.0, *map(float, square))
        left, top, width, height = self.crop
        inside = left >= 0 and top >= 0 and left + width <= square[0] + 1e-6 and top + height <= square[1] + 1e-6
        if not inside or width <= 0 or height <= 0:
            raise ValueError(f"the crop {self.crop} is not inside a picture of {square[0]} x {square[1]}")
        self.size = size or (max(1, round(width)), max(1, round(height)))
        self._reformatter = VideoReformatter()

    def press(self, frame: av.VideoFrame) -> np.ndarray:
        rgb = np.ascontiguousarray(self.turn.upright(self._codes(frame)))
        height, width = rgb.shape[:2]
        left, top, wide, high = self.crop
        across, down = width / self.square[0], height / self.square[1]
        box = (left * across, top * down, min((left + wide) * across, width), min((top + high) * down, height))
        if self.size != (width, height) or box != (0.0, 0.0, width, height):
            rgb = np.array(Image.fromarray(rgb).resize(self.size, Image.Resampling.BICUBIC, box=box))
        if int(frame.color_trc) in CURVES:
            rgb = hdr_to_srgb(rgb, int(frame.color_trc))
        rgb.flags.writeable = False
        return rgb

    def _codes(self, frame: av.VideoFrame) -> np.ndarray:
        """[H,W,3] uint8 of the stored picture, by the matrix and range that it says or its kind implies."""
        options = {}
        if int(frame.colorspace) == UNSAID and not frame.format.is_rgb:
            options["src_colorspace"] = Colorspace.ITU709 if frame.height >= HD else Colorspace.ITU601
        plain = self._reformatter.reformat(
            frame, format="rgb24", interpolation=CAREFUL, dst_color_range=ColorRange.JPEG, threads=1, **options
        )
        return plain.to_ndarray()
