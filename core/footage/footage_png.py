# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an untrusted PNG of the footage: its size is checked before a pixel is decoded."""

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ..formats import UserError, open_untrusted


def read_png(path: Path, mode: Literal["RGBA", "L", "I;16"], width: int, height: int) -> np.ndarray:
    """The pixels as stored: [H,W,4] uint8 for RGBA, [H,W] uint8 for L, [H,W] uint16 for I;16. Raises UserError."""
    with open_untrusted(path) as (file, _):
        try:
            with Image.open(file, formats=("PNG",)) as image:
                if image.size != (width, height):
                    raise UserError(
                        f"{path} is {image.size[0]}x{image.size[1]} pixels, footage.json says {width}x{height}; "
                        "prepare the footage again."
                    )
                if mode == "I;16" and image.mode in ("I;16", "I;16B", "I"):
                    return np.asarray(image).astype(np.uint16)
                return np.asarray(image.convert(mode))
        except (UserError, MemoryError):  # the second has its sentence in open_untrusted
            raise
        except Exception as error:  # Pillow throws anything at a damaged file
            raise UserError(f"{path} is not a complete PNG; prepare the footage again.") from error
