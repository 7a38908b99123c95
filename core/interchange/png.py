# SPDX-License-Identifier: GPL-3.0-or-later
"""Preview images: 8-bit PNG, tagged sRGB.

Letters: H x W pixels.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..formats import UserError, atomic_write, open_untrusted


def write_png(
    path: Path | str,
    pixels: np.ndarray,  # uint8 sRGB [H,W,3], or [H,W,4] with straight (not premultiplied) alpha: `display_codes`
) -> None:
    """Write a PNG atomically; the file says that its codes are sRGB. Raises ValueError for another type or shape."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
        raise ValueError(f"a PNG is uint8 [H,W,3] or [H,W,4], not {pixels.dtype} {pixels.shape}")
    tags = PngInfo()
    tags.add(b"sRGB", b"\x00")  # perceptual
    tags.add(b"gAMA", (45455).to_bytes(4, "big"))  # for readers that know no sRGB chunk
    with atomic_write(path) as temporary:
        # Level 1 takes less than half of the time that level 6 takes and makes a preview a fifth larger.
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG", pnginfo=tags, compress_level=1)


def read_png(path: Path | str, width: int, height: int) -> np.ndarray:
    """The codes of a preview of that size as stored, straight alpha: uint8 [H,W,4].

    Raises UserError for another size, before a pixel is decoded, and for what is no complete PNG.
    """
    with open_untrusted(path) as (file, _), Image.open(file, formats=("PNG",)) as image:
        if image.size != (width, height):
            raise UserError(f"{path}: is {image.size[0]}x{image.size[1]} pixels, not {width}x{height}; delete it.")
        return np.asarray(image.convert("RGBA"))
