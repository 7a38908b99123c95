# SPDX-License-Identifier: GPL-3.0-or-later
"""One PNG of the footage -> arrays, checked before a pixel is decoded, and a cache that has an end.

Letters: W H the picture's size, s how many times smaller it is wanted (a box of s x s pixels becomes one).
"""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ..formats import UserError

LABEL_BACKGROUND, LABEL_FACE, LABEL_MOUTH = 0, 1, 2


class Picture(NamedTuple):
    """Display-referred sRGB; `rgb` is premultiplied: the picture over black, over colour c it is rgb + (1-alpha) c."""

    rgb: np.ndarray  # [H,W,3] float32 0..1
    alpha: np.ndarray  # [H,W] float32 0..1
    label: np.ndarray  # [H,W] uint8: 0 background, 1 face, 2 inside mouth
    mouth: np.ndarray  # [H,W] float32 0..1: share of the pixel that is inside mouth


def read_png(path: Path, mode: str, width: int, height: int) -> np.ndarray:
    """The pixels as stored, [H,W] or [H,W,4]. `mode` RGBA, L or I;16. Raises UserError."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.size != (width, height):
                raise UserError(
                    f"{path} is {image.size[0]}x{image.size[1]} pixels, footage.json says {width}x{height}; "
                    "prepare the footage again."
                )
            if mode == "I;16" and image.mode in ("I;16", "I;16B", "I"):
                return np.asarray(image).astype(np.uint16)
            return np.asarray(image.convert(mode))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; prepare the footage again.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as trouble:
        if isinstance(trouble, UserError):
            raise
        raise UserError(f"{path} is not a whole PNG ({trouble}); prepare the footage again.") from None


def shrunk(
    values: np.ndarray,  # [H,W,...] float32
    s: int,
) -> np.ndarray:
    """Box filter: [H/s, W/s, ...]."""
    if s == 1:
        return values
    h, w = values.shape[0] // s, values.shape[1] // s
    return values.reshape(h, s, w, s, *values.shape[2:]).mean(axis=(1, 3), dtype=np.float32)


class PictureCache:
    """Decoded pictures in uint8, the least recently used leave first. Several threads may use one."""

    def __init__(self, room: int) -> None:
        self.room = room  # bytes
        self.held = 0
        self._pictures: OrderedDict[int, np.ndarray] = OrderedDict()  # [H,W,5] rgb alpha mouth
        self._lock = threading.Lock()

    def get(self, i: int) -> np.ndarray | None:
        with self._lock:
            if i in self._pictures:
                self._pictures.move_to_end(i)
            return self._pictures.get(i)

    def put(self, i: int, packed: np.ndarray) -> None:
        if packed.nbytes > self.room:
            return
        with self._lock:
            before = self._pictures.pop(i, None)  # another thread may have been as fast
            self.held += packed.nbytes - (0 if before is None else before.nbytes)
            self._pictures[i] = packed
            while self.held > self.room:
                self.held -= self._pictures.popitem(last=False)[1].nbytes


def pack(
    image: np.ndarray,  # [H,W,4] uint8 straight alpha
    label: np.ndarray,  # [H,W] uint8
    s: int,
) -> np.ndarray:
    """[H/s,W/s,5] uint8: premultiplied rgb, alpha, share of inside mouth."""
    alpha = image[..., 3:].astype(np.float32) / 255
    channels = np.concatenate(
        [image[..., :3] * alpha, alpha * 255, (label == LABEL_MOUTH)[..., None] * 255 * alpha], axis=-1
    )
    return np.rint(shrunk(channels.astype(np.float32), s)).astype(np.uint8)


def unpack(packed: np.ndarray) -> Picture:
    values = packed.astype(np.float32) * np.float32(1 / 255)
    alpha, mouth = values[..., 3], values[..., 4]
    label = np.where(alpha < 0.5, LABEL_BACKGROUND, np.where(mouth > 0.5 * alpha, LABEL_MOUTH, LABEL_FACE)).astype(
        np.uint8
    )
    return Picture(
        np.ascontiguousarray(values[..., :3]), np.ascontiguousarray(alpha), label, np.ascontiguousarray(mouth)
    )
