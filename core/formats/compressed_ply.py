# SPDX-License-Identifier: GPL-3.0-or-later
"""PlayCanvas's and SuperSplat's compressed PLY: four 32-bit integers a Gaussian, 256 Gaussians to a chunk.

Written from the format's public description (developer.playcanvas.com, "Compressed PLY"). A chunk has the range of each
number of its Gaussians, which hold fractions of it: position and ln sigma of 11, 10 and 11 bits; colour and opacity of
8 bits each; a quaternion as the index of its largest component (2 bits) and the three others, 10 bits within
+-1/sqrt(2). An element `sh` holds the higher SH coefficients as bytes within +-4.

Letters: N Gaussians, C chunks, K higher SH coefficients.
"""

import numpy as np

from .gaussians import SH_C0

CHUNK_ROWS = 256
SH_RANGE = 8.0  # from -4 to 4
AXES, SCALES, COLOURS = ("x", "y", "z"), ("scale_x", "scale_y", "scale_z"), ("r", "g", "b")
PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")


def is_compressed(tables: dict[str, np.ndarray]) -> bool:
    """Whether a file's tables are those of a compressed PLY."""
    return "chunk" in tables and set(PACKED) <= set(tables["vertex"].dtype.names or ())


def decompress_ply(tables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns [N] float32 of an uncompressed 3DGS PLY by name, before activation.

    tables: element -> structured rows. Raises ValueError for tables that do not belong together.
    """
    vertices, chunks, harmonics = tables["vertex"], tables["chunk"], tables.get("sh")
    if len(chunks) != -(-len(vertices) // CHUNK_ROWS) or len(vertices if harmonics is None else harmonics) != len(
        vertices
    ):
        raise ValueError("its chunks, vertices and spherical harmonics do not match")
    chunk = np.arange(len(vertices)) // CHUNK_ROWS
    position = _unpack(vertices["packed_position"], (21, 11, 0), (11, 10, 11))
    scale = _unpack(vertices["packed_scale"], (21, 11, 0), (11, 10, 11))
    colour = _unpack(vertices["packed_color"], (24, 16, 8, 0), (8, 8, 8, 8))
    columns = dict(zip(AXES, _within(position, AXES, chunks, chunk)))
    columns |= {f"scale_{k}": v for k, v in enumerate(_within(scale, SCALES, chunks, chunk))}
    rgb = _within(colour, COLOURS, chunks, chunk) if "min_r" in (chunks.dtype.names or ()) else colour[:3]
    columns |= {f"f_dc_{k}": (v - 0.5) / SH_C0 for k, v in enumerate(rgb)}
    with np.errstate(divide="ignore"):  # 0 and 1: a logit of minus and plus infinity
        columns["opacity"] = np.log(colour[3]) - np.log1p(-colour[3])
    columns |= {f"rot_{k}": v for k, v in enumerate(_quaternions(vertices["packed_rotation"]))}
    if harmonics is not None:
        for name in harmonics.dtype.names or ():
            level = harmonics[name].astype(np.float64)
            middle = np.where(level == 0, 0, np.where(level == 255, 1, (level + 0.5) / 256))
            columns[name] = (middle - 0.5) * SH_RANGE
    return {name: values.astype(np.float32) for name, values in columns.items()}


def _unpack(packed: np.ndarray, shifts: tuple[int, ...], bits: tuple[int, ...]) -> np.ndarray:
    """[N] integers -> [fields, N], each field as a fraction 0..1 of its most."""
    words = packed.astype(np.uint32)
    return np.stack([((words >> s) & (2**b - 1)) / (2**b - 1) for s, b in zip(shifts, bits)])


def _within(fractions: np.ndarray, names: tuple[str, ...], chunks: np.ndarray, chunk: np.ndarray) -> list[np.ndarray]:
    """Fractions [3+,N] of each Gaussian's chunk's ranges -> three columns [N]."""
    low, high = ([chunks[f"{end}_{name}"].astype(np.float64)[chunk] for name in names] for end in ("min", "max"))
    return [a + fraction * (b - a) for a, b, fraction in zip(low, high, fractions)]


def _quaternions(packed: np.ndarray) -> np.ndarray:
    """[N] integers -> w,x,y,z [4,N], unit; the largest component, which is not stored, is positive."""
    others = (_unpack(packed, (20, 10, 0), (10, 10, 10)) - 0.5) * np.sqrt(2)
    largest = packed.astype(np.uint32) >> 30
    out = np.empty((4, len(packed)))
    for index in range(4):
        rest = others[:, largest == index]
        greatest = np.sqrt(np.maximum(1 - (rest * rest).sum(axis=0), 0))
        out[:, largest == index] = np.insert(rest, index, greatest, axis=0)
    return out
