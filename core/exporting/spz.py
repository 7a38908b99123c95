# SPDX-License-Identifier: GPL-3.0-or-later
"""SPZ, Niantic's compressed splats, version 3: a gzip stream of a header and one array an attribute.

Written from the format's description (github.com/nianticlabs/spz, README, MIT); no Python library lets one choose the
position's step, and the usual 1/4096 m would shake a talking mouth by a quarter of a millimetre. What a byte can hold
limits the rest: scales to 3 %, rotations to 0.2 degrees, colours to one step of 255, SH to 1/256.

Axes: "rub" (x right, y up, z back), which the format prescribes.
"""

import gzip
import struct
from pathlib import Path

import numpy as np

from ..formats import RUB_TO_BLENDER, Gaussians, UserError, atomic_write, rotate_gaussians

MAGIC, VERSION = 0x5053474E, 3
MOST_BITS = 20  # of a position's fraction: steps of a thousandth of a millimetre within 8 m
REACH = 1 << 23  # a position is a signed number of 24 bits
COLOUR_SCALE = 0.15  # of sh0 in a colour's byte, by the format


def write_spz(
    path: Path | str, gaussians: Gaussians, axes: str = "rub", _colour_space: str = "", _blend: str = ""
) -> None:
    """Write atomically. axes: "rub". The format has no place for a colour space, nor for how splats are blended. Raises
    UserError for positions too far out for it."""
    if axes != "rub":
        raise UserError(f"axes {axes!r} are unknown to SPZ; use rub.")
    gaussians = rotate_gaussians(gaussians, RUB_TO_BLENDER.T)
    bits = _fraction_bits(gaussians, path)
    header = struct.pack("<IIIBBBB", MAGIC, VERSION, len(gaussians), gaussians.sh_degree, bits, 0, 0)
    arrays = (
        _positions(gaussians.means, bits),
        _byte(gaussians.opacities * 255.0),
        _byte((gaussians.sh0 * COLOUR_SCALE + 0.5) * 255.0),
        _byte((np.log(gaussians.scales) + 10.0) * 16.0),
        _rotations(gaussians.quats),
        _byte(gaussians.shN * 128.0 + 128.0),
    )
    packed = gzip.compress(header + b"".join(array.tobytes() for array in arrays), mtime=0)
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        file.write(packed)


def _fraction_bits(gaussians: Gaussians, path: Path | str) -> int:
    """As many as the farthest splat allows."""
    farthest = float(np.abs(gaussians.means).max(initial=0.0))
    bits = min(MOST_BITS, int(np.floor(np.log2((REACH - 1) / max(farthest, 1e-6)))))
    if bits < 0:
        raise UserError(f"{path}: a splat is {farthest:.0f} m from the origin, too far for SPZ; export as PLY or USD.")
    return bits


def _byte(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _positions(
    means: np.ndarray,  # [N,3]
    bits: int,
) -> np.ndarray:
    """[N,3,3] uint8: the lower three bytes of each fixed-point number, little-endian."""
    fixed = np.round(means.astype(np.float64) * (1 << bits)).astype("<i4")
    return np.ascontiguousarray(fixed).view(np.uint8).reshape(-1, 3, 4)[:, :, :3]


def _rotations(
    quats: np.ndarray,  # [N,4] wxyz unit
) -> np.ndarray:
    """[N] uint32: the index of the largest of x,y,z,w in the upper two bits, then the others, each a sign and nine bits
    of magnitude over sqrt(1/2), with the sign of q that makes the largest positive."""
    xyzw = quats[:, [1, 2, 3, 0]].astype(np.float64)
    largest = np.abs(xyzw).argmax(axis=1)
    sign = np.take_along_axis(xyzw, largest[:, None], axis=1)
    xyzw = np.where(sign < 0, -xyzw, xyzw)
    packed = largest.astype(np.uint32)
    for i in range(4):
        magnitude = np.minimum(np.round(np.abs(xyzw[:, i]) * np.sqrt(2) * 511), 511).astype(np.uint32)
        code = (packed << 10) | ((xyzw[:, i] < 0).astype(np.uint32) << 9) | magnitude
        packed = np.where(largest == i, packed, code)
    return packed.astype("<u4")
