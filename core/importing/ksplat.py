# SPDX-License-Identifier: GPL-3.0-or-later
"""A `.ksplat` (mkkellogg's GaussianSplats3D): sections of Gaussians, at three levels of compression.

Read from the format as that program writes it (github.com/mkkellogg/GaussianSplats3D, MIT): a header of 4096 bytes, one
of 1024 a section, then the sections' data: the sizes of buckets that are not full, the buckets' centres, the Gaussians.
Level 0 stores float32; levels 1 and 2 positions as 16 bits around their bucket's centre and the rest as float16, level
2 spherical harmonics as bytes. Axes: those of the PLY that it was made of, so "rdf" unless said otherwise.

Letters: N Gaussians, B buckets, K higher SH coefficients.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..formats import SH_C0, SH_COEFFICIENTS, Gaussians, UserError, open_untrusted
from .imported import Imported, nonzero_scales, to_blender

HEADER, SECTION_HEADER = 4096, 1024  # bytes
MAX_SECTIONS = 1000  # the program itself writes one
SH_RANGE = 1.5  # of level 2, where the header says none
CENTRE_RANGE = 32767  # of levels 1 and 2, where a section says none


@dataclass(frozen=True)
class Section:
    """What a section's header says, each number a claim."""

    used: int  # Gaussians in it
    room: int  # Gaussians that its data has place for
    bucket_size: int  # Gaussians of a full bucket
    buckets: int
    block_size: float  # length that a bucket's positions span
    centre_bytes: int  # of a bucket's centre
    steps: int  # of a position to either side of its bucket's centre
    full: int  # buckets that are full, the first ones
    partial: int  # the others
    degree: int  # of the spherical harmonics


def read_ksplat(path: Path, axes: str) -> Imported:
    """Raises UserError."""
    with open_untrusted(path) as (file, size):
        data = file.read(size)
        major, minor, most = struct.unpack_from("<BBxxI", data)
        (level,) = struct.unpack_from("<H", data, 20)
        if (major, minor) != (0, 1) or level > 2 or most > MAX_SECTIONS:
            raise UserError(f"{path}: is no .ksplat file of version 0.1; export it as 3DGS PLY.")
        low, high = struct.unpack_from("<ff", data, 36)
        harmonics_range = (low or -SH_RANGE, high or SH_RANGE)
        place = HEADER + most * SECTION_HEADER
        tables = []
        for index in range(most):
            section = _section(data, HEADER + index * SECTION_HEADER)
            row = _row(level, section.degree)
            centres, start = _centres(data, place, section)
            rows = np.frombuffer(data, row, section.used, start)  # raises ValueError beyond the data
            if section.used:
                tables.append(_gaussians(rows, centres, section, harmonics_range, path))
            place = start + row.itemsize * section.room
        if not tables:
            raise UserError(f"{path}: holds no Gaussians; export it again.")
        return Imported(to_blender(Gaussians.joined(*tables), axes or "rdf"))


def _section(data: bytes, place: int) -> Section:
    used, room, bucket_size, buckets, block, centre_bytes = struct.unpack_from("<IIIIfH", data, place)
    steps, _, full, partial, degree = struct.unpack_from("<IIIIH", data, place + 24)
    return Section(used, room, bucket_size, buckets, block, centre_bytes, steps or CENTRE_RANGE, full, partial, degree)


def _row(level: int, degree: int) -> np.dtype:
    """Of one Gaussian; `harmonics` has band after band, in each all red, all green, all blue."""
    real = "<f2" if level else "<f4"
    return np.dtype(
        [
            ("mean", "<u2" if level else "<f4", 3),
            ("scale", real, 3),
            ("quat", real, 4),
            ("colour", "u1", 4),
            ("harmonics", ("<f4", "<f2", "u1")[level], 3 * SH_COEFFICIENTS[degree]),
        ]
    )


def _centres(data: bytes, place: int, section: Section) -> tuple[np.ndarray, int]:
    """([used,3] float32 the centre of each Gaussian's bucket, where the Gaussians begin). Raises ValueError for buckets
    that do not hold the section's Gaussians."""
    if section.used > section.room:  # or sections that lie on each other would be many times the file's size
        raise ValueError("it has more Gaussians than place for them")
    if section.used > len(data) or max(section.full, section.buckets) > len(data):
        raise ValueError("it has more Gaussians or buckets than bytes")
    sizes = np.frombuffer(data, "<u4", section.partial, place)
    start = place + sizes.nbytes + section.centre_bytes * section.buckets
    if section.buckets == 0:  # as level 0 may be
        return np.zeros((section.used, 3), np.float32), start
    stored = np.frombuffer(data, "u1", section.centre_bytes * section.buckets, place + sizes.nbytes)
    centres = np.ascontiguousarray(stored.reshape(section.buckets, -1)[:, :12]).view("<f4")
    ends = np.concatenate([section.bucket_size * np.arange(1, section.full + 1), sizes]).astype(np.int64)
    ends[section.full :] = section.full * section.bucket_size + np.cumsum(sizes, dtype=np.int64)
    bucket = np.searchsorted(ends, np.arange(section.used), side="right")
    if section.used and bucket[-1] >= len(centres):
        raise ValueError("its buckets hold fewer Gaussians than it has")
    return centres[bucket], start


def _gaussians(
    rows: np.ndarray, centres: np.ndarray, section: Section, harmonics_range: tuple[float, float], path: Path
) -> Gaussians:
    means = rows["mean"].astype(np.float32)
    if rows.dtype["mean"].base.kind == "u":
        means = (means - section.steps) * np.float32(section.block_size / 2 / section.steps) + centres
    colour = rows["colour"].astype(np.float32) / 255
    harmonics = rows["harmonics"].astype(np.float32)
    if rows.dtype["harmonics"].base.kind == "u":
        low, high = harmonics_range
        harmonics = low + harmonics / 255 * (high - low)
    return Gaussians.checked(
        str(path),
        means=means,
        quats=rows["quat"],
        scales=nonzero_scales(rows["scale"].astype(np.float32)),
        opacities=colour[:, 3],
        sh0=(colour[:, :3] - 0.5) / SH_C0,
        shN=_coefficient_major(harmonics.reshape(len(rows), -1), section.degree),
    )


def _coefficient_major(harmonics: np.ndarray, degree: int) -> np.ndarray:
    """[N,3K], each band all red, all green, all blue -> [N,K,3]."""
    bands, start = [np.zeros((len(harmonics), 0, 3), np.float32)], 0
    for band in range(1, degree + 1):
        width = 2 * band + 1
        values = harmonics[:, start : start + 3 * width]
        bands.append(values.reshape(-1, 3, width).transpose(0, 2, 1))
        start += 3 * width
    return np.concatenate(bands, axis=1)
