# SPDX-License-Identifier: GPL-3.0-or-later
"""SPZ, Niantic's compressed splats, versions 1 to 4: a header and one array an attribute, packed with gzip (1 to 3) or
each array by itself with zstd (4).

Read from the format's description (github.com/nianticlabs/spz, README, MIT) and, where that says nothing, from files
of other programs. What the header says of sizes is a claim: no more is unpacked than it says, and it may not say more
than MAX_GAUSSIANS.

Letters: N Gaussians, K higher SH coefficients.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..formats import SH_COEFFICIENTS, Gaussians, UserError, open_untrusted
from .imported import MAX_GAUSSIANS, Imported, to_blender

MAGIC, GZIP = b"NGSP", b"\x1f\x8b"
HEADER, LONG_HEADER = struct.Struct("<4sIIBBBB"), 32  # bytes of version 4's
STREAM = struct.Struct("<QQ")  # of version 4: packed and unpacked bytes
COLOUR_SCALE = 0.15  # of sh0 in a colour's byte, by the format
COEFFICIENTS = SH_COEFFICIENTS | {4: 24}
SMALLEST_WINDOW = 1 << 20  # bytes that zstd may always look back
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Header:
    """What the file says of itself."""

    version: int
    count: int  # N
    degree: int  # of the spherical harmonics, 0 to 4
    bits: int  # of a position's fraction
    streams: int  # of version 4

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of each array: positions, opacities, colours, scales, rotations, spherical harmonics."""
        each = 6 if self.version == 1 else 9, 1, 3, 3, 3 if self.version < 3 else 4, 3 * COEFFICIENTS[self.degree]
        return tuple(self.count * size for size in each)


def read_spz(path: Path, axes: str) -> Imported:
    """Raises UserError."""
    with open_untrusted(path) as (file, size):
        data = file.read(size)
        if data[:2] == GZIP:
            unpack = zlib.decompressobj(wbits=31)
            begin = unpack.decompress(data, HEADER.size)
            header = _header(begin, path)
            arrays = _split(unpack.decompress(unpack.unconsumed_tail, sum(header.sizes) or 1), header)
        else:
            header = _header(data, path)
            packed = header.version == 4
            arrays = _unpack_zstd(data, header, path) if packed else _split(data[HEADER.size :], header)
        gaussians = to_blender(_gaussians(arrays, header, path), axes or "rub")
        fourth = f"{path.name}: its fourth band of spherical harmonics is left out; a head has three."
        return Imported(gaussians, left_out=(fourth,) if header.degree == 4 else ())


def _header(data: bytes, path: Path) -> Header:
    magic, version, count, degree, bits, _, streams = HEADER.unpack_from(data)
    if magic != MAGIC or not 1 <= version <= 4 or degree not in COEFFICIENTS or bits > 24:
        raise UserError(f"{path}: is no SPZ file of version 1 to 4; export it as 3DGS PLY.")
    if count > MAX_GAUSSIANS:
        raise UserError(f"{path}: says that it has {count} Gaussians, more than a head can; crop it and try again.")
    return Header(version, count, degree, bits, streams)


def _split(data: bytes, header: Header) -> list[np.ndarray]:
    """The arrays one after the other. Raises ValueError where they end sooner than they say."""
    ends = np.cumsum(header.sizes)
    return [np.frombuffer(data, "u1", size, end - size) for size, end in zip(header.sizes, ends.tolist())]


def _unpack_zstd(data: bytes, header: Header, path: Path) -> list[np.ndarray]:
    """The arrays of version 4, whose table of streams says where each is."""
    try:
        import zstandard
    except ImportError as error:
        raise UserError(
            f"{path}: SPZ version 4 needs the Python package zstandard, which is not here; install it, import in "
            "Blender, which has it, or export the file as SPZ version 3 or PLY."
        ) from error
    (table,) = struct.unpack_from("<I", data, HEADER.size)
    arrays, place = [], table + header.streams * STREAM.size
    for index, size in enumerate(header.sizes):
        if index == header.streams and not size:  # without spherical harmonics there is no array of them
            arrays.append(np.zeros(0, np.uint8))
            break
        packed, unpacked = STREAM.unpack_from(data, table + index * STREAM.size)
        if table < LONG_HEADER or unpacked != size or place + packed > len(data):
            raise UserError(f"{path}: its table of arrays does not fit its content; copy it again.")
        window = max(SMALLEST_WINDOW, 1 << size.bit_length())
        reader = zstandard.ZstdDecompressor(max_window_size=window).stream_reader(data[place : place + packed])
        arrays.append(np.frombuffer(_read_bounded(reader, size), "u1", size))
        place += packed
    return arrays


def _read_bounded(reader: BinaryIO, size: int) -> bytes:
    """At most `size` bytes, piece by piece: the library allocates what it is asked for before it has it."""
    parts = []
    while size and (part := reader.read(min(size, CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _gaussians(arrays: list[np.ndarray], header: Header, path: Path) -> Gaussians:
    positions, opacities, colours, scales, rotations, harmonics = arrays
    kept = min(COEFFICIENTS[header.degree], max(SH_COEFFICIENTS.values()))
    return Gaussians.checked(
        str(path),
        means=_means(positions, header),
        quats=_smallest_three(rotations) if header.version > 2 else _three(rotations),
        scales=np.exp(scales.reshape(-1, 3) / 16 - 10),
        opacities=opacities / 255,
        sh0=(colours.reshape(-1, 3) / 255 - 0.5) / COLOUR_SCALE,
        shN=((harmonics.reshape(header.count, -1, 3) - 128.0) / 128)[:, :kept],
    )


def _means(
    positions: np.ndarray,  # [6N] or [9N] bytes
    header: Header,
) -> np.ndarray:
    """[N,3]: halves, or signed numbers of 24 bits in steps of 2^-bits."""
    if header.version == 1:
        return positions.view("<f2").reshape(-1, 3).astype(np.float32)
    shifted = np.zeros((3 * header.count, 4), np.uint8)
    shifted[:, 1:] = positions.reshape(-1, 3)  # into the upper bytes, so that the sign is where it belongs
    return (shifted.view("<i4") >> 8).reshape(-1, 3) / float(1 << header.bits)


def _three(
    rotations: np.ndarray,  # [3N] bytes
) -> np.ndarray:
    """[N,4] w,x,y,z: w is not stored and positive."""
    xyz = rotations.reshape(-1, 3) / 127.5 - 1
    w = np.sqrt(np.maximum(1 - (xyz * xyz).sum(axis=1, keepdims=True), 0))
    return np.concatenate([w, xyz], axis=1)


def _smallest_three(
    rotations: np.ndarray,  # [4N] bytes
) -> np.ndarray:
    """[N,4] w,x,y,z: the index of the largest of x,y,z,w in the upper two bits, then the others, each a sign and nine
    bits of magnitude over sqrt(1/2)."""
    codes = rotations.view("<u4").copy()
    largest = codes >> 30
    xyzw = np.zeros((len(codes), 4))
    for index in (3, 2, 1, 0):
        others = largest != index
        code = codes[others]
        magnitude = (code & 511) / 511 * np.sqrt(0.5)
        xyzw[others, index] = np.where(code & 512, -magnitude, magnitude)
        codes[others] = code >> 10
    rows = np.arange(len(codes))
    xyzw[rows, largest] = np.sqrt(np.maximum(1 - (xyzw * xyzw).sum(axis=1), 0))
    return xyzw[:, [3, 0, 1, 2]]
