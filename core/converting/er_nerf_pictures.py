# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures and masks of a TalkingGaussian / ER-NeRF dataset folder, read without trusting them: sizes are checked
before anything is allocated, nothing is unpickled.

Letters: H W the picture's size.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from ..footage import MAX_PICTURE_SIDE
from ..formats import UserError, open_untrusted
from .er_nerf_layout import REMAKE


def find_picture(folder: Path, number: int) -> Path:
    """In gt_imgs, or where that folder is missing in ori_imgs; .jpg or .png. Raises UserError."""
    base = "gt_imgs" if (folder / "gt_imgs").is_dir() else "ori_imgs"
    for suffix in ("jpg", "png"):
        path = folder / base / f"{number}.{suffix}"
        if path.is_file():
            return path
    raise UserError(f"{folder / base / f'{number}.jpg'} is missing, but a transforms file names it; {REMAKE}.")


def usual_picture_size(folder: Path, numbers: Sequence[int]) -> tuple[int, int]:
    """(width, height) that most of the pictures have, by their headers. Raises UserError where none can be read."""
    sizes, fault = Counter(), None
    for number in numbers:
        try:
            sizes[_read_picture_size(find_picture(folder, number))] += 1
        except UserError as error:
            fault = fault or error
    if not sizes:
        raise fault or UserError(f"{folder} names no pictures; {REMAKE}.")
    return sizes.most_common(1)[0][0]


def read_picture(
    folder: Path,
    number: int,
    size: tuple[int, int],  # W, H
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """(picture [H,W,3] uint8, parsing [H,W,3] uint8, teeth mask [H,W] bool where the data set has them). Raises
    UserError."""
    rgb = _read_rgb(find_picture(folder, number), *size)
    parsing = _read_rgb(folder / "parsing" / f"{number}.png", *size)
    has_teeth = (folder / "teeth_mask").is_dir()
    return rgb, parsing, _read_teeth_mask(folder / "teeth_mask" / f"{number}.npy", *size) if has_teeth else None


def _read_picture_size(path: Path) -> tuple[int, int]:
    """(width, height) without decoding. Raises UserError."""
    with _open_picture(path) as image:
        if not all(16 <= side <= MAX_PICTURE_SIDE for side in image.size):
            raise UserError(
                f"{path} is {image.size[0]}x{image.size[1]} pixels; sides of 16 to {MAX_PICTURE_SIDE} are read."
            )
        return image.size


def _read_rgb(path: Path, width: int, height: int) -> np.ndarray:
    """[H,W,3] uint8. Raises UserError."""
    with _open_picture(path) as image:
        if image.size != (width, height):
            raise UserError(
                f"{path} is {image.size[0]}x{image.size[1]} pixels, most pictures are {width}x{height}; {REMAKE}."
            )
        return np.asarray(image.convert("RGB"))


@contextmanager
def _open_picture(path: Path) -> Iterator[Image.Image]:
    with open_untrusted(path) as (file, _):
        try:
            with Image.open(file, formats=("JPEG", "PNG")) as image:
                yield image
        except (UserError, MemoryError):  # the second has its sentence in open_untrusted
            raise
        except Exception as error:  # Pillow throws anything at a damaged file
            raise UserError(f"{path} is not a complete picture; {REMAKE}.") from error


def _read_teeth_mask(path: Path, width: int, height: int) -> np.ndarray:
    """[H,W] bool from an .npy that may hold flags or small numbers, never objects. Raises UserError."""
    with open_untrusted(path) as (file, size):
        try:
            version = npy.read_magic(file)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran_order, dtype = read_header(file)
            fits = not dtype.hasobject and dtype.kind in "bui" and tuple(shape) == (height, width)
            if not fits or size - file.tell() != width * height * dtype.itemsize:
                raise ValueError("it does not hold one flag a pixel")
        except (ValueError, SyntaxError, TypeError, EOFError):
            raise UserError(f"{path} is not a mask of {width}x{height}; {REMAKE}.") from None
        values = np.frombuffer(file.read(), dtype=dtype)
    return (values.reshape(width, height).T if fortran_order else values.reshape(height, width)) != 0
