# SPDX-License-Identifier: GPL-3.0-or-later
"""Preview images: 8-bit PNG, tagged sRGB.

Letters: H x W pixels.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from ..formats import UserError, atomic_write, open_untrusted

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UP = 2  # the filter: each byte less the one above it
BAND_BYTES = 1 << 22


def write_png(
    path: Path | str,
    pixels: np.ndarray,  # uint8 sRGB [H,W,3], or [H,W,4] with straight (not premultiplied) alpha: `display_codes`
) -> None:
    """Write a PNG atomically; the file says that its codes are sRGB. Raises ValueError for another type or shape.

    By our own few lines, because the libraries try every filter on every row, which takes longer than the rest: the
    filter of all rows is Up, at which previews are as small.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
        raise ValueError(f"a PNG is uint8 [H,W,3] or [H,W,4], not {pixels.dtype} {pixels.shape}")
    height, width, channels = pixels.shape
    colour_type = {3: 2, 4: 6}[channels]
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        file.write(SIGNATURE)
        _write_chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0))
        _write_chunk(file, b"sRGB", b"\x00")  # perceptual
        _write_chunk(file, b"gAMA", struct.pack(">I", 45455))  # for readers that know no sRGB chunk
        for data in _deflated(np.ascontiguousarray(pixels).reshape(height, width * channels)):
            _write_chunk(file, b"IDAT", data)
        _write_chunk(file, b"IEND", b"")


def _write_chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))


def _deflated(
    rows: np.ndarray,  # uint8 [H,B]
) -> Iterator[bytes]:
    """The rows, each with its filter before it, compressed band by band: no copy of a large picture."""
    # Level 1 takes less than half of the time that level 6 takes and makes a preview a fifth larger.
    compress, step = zlib.compressobj(1), max(1, BAND_BYTES // rows.shape[1])
    above = np.zeros_like(rows[0])
    for begin in range(0, len(rows), step):
        band = rows[begin : begin + step]
        filtered = np.full((len(band), 1 + band.shape[1]), UP, np.uint8)
        np.subtract(band[0], above, out=filtered[0, 1:])
        np.subtract(band[1:], band[:-1], out=filtered[1:, 1:])
        above = band[-1]
        if data := compress.compress(filtered.data):
            yield data
    yield compress.flush()


def read_png(path: Path | str, width: int, height: int) -> np.ndarray:
    """The codes of a preview of that size as stored, straight alpha: uint8 [H,W,4].

    Raises UserError for another size, before a pixel is decoded, and for what is no complete PNG.
    """
    with open_untrusted(path) as (file, _), Image.open(file, formats=("PNG",)) as image:
        if image.size != (width, height):
            raise UserError(f"{path}: is {image.size[0]}x{image.size[1]} pixels, not {width}x{height}; delete it.")
        return np.asarray(image.convert("RGBA"))
