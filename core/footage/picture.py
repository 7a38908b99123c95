# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the footage as training sees it, and the five bytes a pixel in which it is cached.

Letters: W H the picture's size, s how many times smaller it is wanted (a box of s x s pixels becomes one).
"""

from typing import NamedTuple

import numpy as np

# The values of the label pictures: the background, the head without the inside of its mouth, the inside of its mouth.
LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH = 0, 1, 2


class Picture(NamedTuple):
    """Display-referred sRGB; `rgb` is premultiplied: the picture over black, over colour c it is rgb + (1-alpha) c."""

    rgb: np.ndarray  # [H,W,3] float32 0..1
    alpha: np.ndarray  # [H,W] float32 0..1
    label: np.ndarray  # [H,W] uint8: LABEL_BACKGROUND, LABEL_FACE or LABEL_MOUTH
    mouth: np.ndarray  # [H,W] float32 0..1: share of the pixel that is inside mouth


def pack_picture(
    image: np.ndarray,  # [H,W,4] uint8 straight alpha
    label: np.ndarray,  # [H,W] uint8
    s: int,
) -> np.ndarray:
    """[H/s,W/s,5] uint8: premultiplied rgb, alpha, share of inside mouth."""
    alpha = image[..., 3:].astype(np.float32) / 255
    mouth = (label == LABEL_MOUTH)[..., None] * 255 * alpha
    channels = np.concatenate([image[..., :3] * alpha, alpha * 255, mouth], axis=-1)
    return np.rint(_box_downsample(channels.astype(np.float32), s)).astype(np.uint8)


def unpack_picture(packed: np.ndarray) -> Picture:
    """The picture that `pack_picture` packed; a pixel counts to the part that covers most of it."""
    values = packed.astype(np.float32) * np.float32(1 / 255)
    rgb, alpha, mouth = (np.ascontiguousarray(part) for part in (values[..., :3], values[..., 3], values[..., 4]))
    part = np.where(mouth > 0.5 * alpha, LABEL_MOUTH, LABEL_FACE)
    return Picture(rgb, alpha, np.where(alpha < 0.5, LABEL_BACKGROUND, part).astype(np.uint8), mouth)


def _box_downsample(values: np.ndarray, s: int) -> np.ndarray:  # [H,W,...] -> [H/s,W/s,...] float32
    if s == 1:
        return values
    h, w = values.shape[0] // s, values.shape[1] // s
    return values.reshape(h, s, w, s, *values.shape[2:]).mean(axis=(1, 3), dtype=np.float32)
