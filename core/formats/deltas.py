# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame of moved Gaussians as bytes: quantised differences (int16) from the canonical ones, and back. Knows no file.

Letters: N Gaussians, M of them moved in this frame, 10 channels = 3 of position (metres), 4 of quaternion (the sign
nearest to the canonical one), 3 of log-scale.

A channel's quantisation step is max|difference| / 32767 in this frame. Only moved Gaussians are stored; a bitmask says
which. Neighbours along a Morton curve move alike, so the differences from one to the next are stored: zigzag, low and
high bytes apart, Huffman-coded. Not in the paper: chosen because it halves the size that zlib alone gives the int16
values when a third of the head moves, saves a fifth when all of it does, and reads no slower
(`benchmarks/storage.py`).
"""

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from .gaussians import Gaussians

CHANNELS = 10
STEPS = 32767  # int16
# The largest difference a channel can hold: 100 km, any rotation, a scale 20 e-folds away.
MAX_CHANGE = np.array([1e5] * 3 + [2.1] * 4 + [20.0] * 3)
HEADER = struct.Struct("<10f3d")  # steps, errors
SIZES = struct.Struct("<4I")  # M, bytes of: bitmask, low bytes, high bytes
FrameArrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # means [N,3] metres, quats [N,4] wxyz unit, scales [N,3]


class DecodeError(ValueError):
    """The bytes are not a frame of these Gaussians."""


@dataclass(frozen=True)
class FrameErrors:
    """The largest errors that storing caused, over the Gaussians of a frame or over all frames."""

    position: float = 0.0  # metres, Euclidean
    quaternion: float = 0.0  # Euclidean distance of unit quaternions; about half the angle in radians
    log_scale: float = 0.0  # natural logarithm: 0.01 is 1 %

    def worst(self, other: "FrameErrors") -> "FrameErrors":
        """The larger of each."""
        return FrameErrors(
            max(self.position, other.position),
            max(self.quaternion, other.quaternion),
            max(self.log_scale, other.log_scale),
        )


def morton_order(means: np.ndarray) -> np.ndarray:
    """The rows of `means` [N,3] along a Morton (Z-order) curve of 1024 cells an axis, int64 [N]."""
    if not len(means):
        return np.zeros(0, np.int64)
    low = means.min(axis=0).astype(np.float64)
    span = max(float((means.max(axis=0) - low).max()), 1e-30)
    cell = np.clip((means - low) / span * 1023, 0, 1023).astype(np.uint32)
    code = np.zeros(len(means), np.uint32)
    for bit in range(10):
        for axis in range(3):
            code |= ((cell[:, axis] >> bit) & 1) << np.uint32(3 * bit + axis)
    return np.argsort(code, kind="stable").astype(np.int64)


def encode(canonical: Gaussians, order: np.ndarray, moved: FrameArrays) -> tuple[bytes, FrameErrors]:
    """The frame's bytes, and the errors a reader will see.

    order: int64 [N] from `morton_order`. Raises ValueError for wrong shapes, NaN, quaternions that are not unit to
    1e-3, scales not above 0, differences above MAX_CHANGE.
    """
    means, quats, scales = (np.ascontiguousarray(a, np.float32) for a in moved)
    _check(canonical, means, quats, scales)
    nearest = np.where(np.einsum("ij,ij->i", quats, canonical.quats)[:, None] < 0, -quats, quats)
    # log(s/s0), not log s - log s0: exactly 0 for a Gaussian at rest.
    change = np.concatenate([means - canonical.means, nearest - canonical.quats, np.log(scales / canonical.scales)], 1)
    largest = np.abs(change).max(axis=0, initial=0)
    if not (largest <= MAX_CHANGE).all():
        raise ValueError("a Gaussian moved farther than a bake can store")
    step = (largest / STEPS).astype(np.float32)
    mask = change.any(axis=1).take(order)
    rows = order[mask]
    steps = np.rint(change.take(rows, 0) / np.where(step > 0, step, np.inf)).T
    chunks = (
        _compress(np.packbits(mask), zlib.Z_DEFAULT_STRATEGY),
        *_compress_differences(np.clip(steps, -STEPS, STEPS).astype(np.int16)),
    )
    body = SIZES.pack(len(rows), *map(len, chunks)) + b"".join(chunks)
    decoded = (np.empty_like(means), np.empty_like(quats), np.empty_like(scales))
    decode(HEADER.pack(*step, 0, 0, 0) + body, canonical, order, decoded)
    errors = _errors(_take(decoded, rows), _take((means, nearest, scales), rows))
    return HEADER.pack(*step, errors.position, errors.quaternion, errors.log_scale) + body, errors


def decode(coded: bytes, canonical: Gaussians, order: np.ndarray, out: FrameArrays) -> None:
    """Fill `out` (float32, C-contiguous) with the frame. Raises DecodeError.

    Nothing is allocated beyond the size of the canonical Gaussians, whatever the bytes claim.
    """
    rows, change = _decode_changes(coded, order)
    means, quats, scales = out
    means[:], quats[:], scales[:] = canonical.means, canonical.quats, canonical.scales
    # Column by column: numpy gathers and scatters rows several times slower.
    for i in range(3):
        means[:, i][rows] = canonical.means[:, i].take(rows) + change[i]
        change[7 + i] = canonical.scales[:, i].take(rows) * np.exp(change[7 + i])
        scales[:, i][rows] = change[7 + i]
    rotated = change[3:7]
    for i in range(4):
        rotated[i] += canonical.quats[:, i].take(rows)
    length = np.sqrt((rotated * rotated).sum(axis=0))
    if len(rows) and not (length.min() > 1e-6 and change[7:].min() > 0 and np.isfinite(change[7:].max())):
        raise DecodeError("a Gaussian has no rotation or no size")
    rotated /= length
    for i in range(4):
        quats[:, i][rows] = rotated[i]


def stored_errors(coded: bytes) -> FrameErrors:
    """The errors that were measured when the frame was encoded. Raises DecodeError."""
    return _read_header(coded)[1]


def _read_header(coded: bytes) -> tuple[np.ndarray, FrameErrors]:
    """(steps [10], errors)."""
    if len(coded) < HEADER.size + SIZES.size:
        raise DecodeError("too short")
    fields = HEADER.unpack_from(coded)
    step = np.array(fields[:CHANNELS], np.float32)
    if not np.isfinite(fields).all() or min(fields) < 0 or (step * STEPS > MAX_CHANGE * 1.001).any():
        raise DecodeError("steps out of range")
    return step, FrameErrors(*fields[CHANNELS:])


def _decode_changes(coded: bytes, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(moved rows [M], their differences [10,M] float32)."""
    step, _ = _read_header(coded)
    count, *lengths = SIZES.unpack_from(coded, HEADER.size)
    n, at = len(order), HEADER.size + SIZES.size
    if count > n or at + sum(lengths) != len(coded):
        raise DecodeError("lengths do not agree")
    parts = []
    for length, size in zip(lengths, ((n + 7) // 8, CHANNELS * count, CHANNELS * count)):
        parts.append(_decompress(coded[at : at + length], size))
        at += length
    rows = order[np.unpackbits(parts[0], count=n).view(bool)]
    if len(rows) != count:
        raise DecodeError("the bitmask and the number of moved Gaussians differ")
    return rows, _restore_differences(parts[1], parts[2]) * step[:, None]


def _take(arrays: FrameArrays, rows: np.ndarray) -> FrameArrays:
    means, quats, scales = (array.take(rows, 0) for array in arrays)
    return means, quats, scales


def _check(canonical: Gaussians, means: np.ndarray, quats: np.ndarray, scales: np.ndarray) -> None:
    n = len(canonical)
    if means.shape != (n, 3) or quats.shape != (n, 4) or scales.shape != (n, 3):
        raise ValueError(f"shapes {means.shape} {quats.shape} {scales.shape} do not fit {n} Gaussians")
    if not all(np.isfinite(a).all() for a in (means, quats, scales)) or (n and scales.min() <= 0):
        raise ValueError("a Gaussian is not finite or has no size")
    if n and np.abs(np.einsum("ij,ij->i", quats, quats) - 1).max() > 2e-3:
        raise ValueError("quaternions are not unit")


def _compress_differences(quantised: np.ndarray) -> tuple[bytes, bytes]:
    """[10,M] int16 -> compressed low and high bytes of the zigzag differences along M (modulo 2^16)."""
    differences = np.diff(quantised, axis=1, prepend=np.int16(0))
    zigzag = ((differences << 1) ^ (differences >> 15)).view(np.uint16)
    return (
        _compress((zigzag & 0xFF).astype(np.uint8), zlib.Z_HUFFMAN_ONLY),
        _compress((zigzag >> 8).astype(np.uint8), zlib.Z_HUFFMAN_ONLY),
    )


def _restore_differences(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The inverse of `_compress_differences` from its decompressed bytes: int16 [10,M]."""
    zigzag = (low | high.astype(np.uint16) << 8).reshape(CHANNELS, -1)
    differences = (zigzag >> 1).view(np.int16) ^ -(zigzag & 1).view(np.int16)
    return np.cumsum(differences, axis=1, dtype=np.int16)


def _compress(data: np.ndarray, strategy: int) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15, 8, strategy)
    return deflate.compress(np.ascontiguousarray(data).data) + deflate.flush()


def _decompress(data: bytes, size: int) -> np.ndarray:
    """uint8 [size]; no more is inflated, whatever the data would become. Raises DecodeError."""
    try:
        inflated = zlib.decompressobj(-15).decompress(data, size + 1)
    except zlib.error as error:
        raise DecodeError("not a deflate stream") from error
    if len(inflated) != size:
        raise DecodeError("inflates to another length")
    return np.frombuffer(inflated, np.uint8)


def _errors(decoded: FrameArrays, target: FrameArrays) -> FrameErrors:
    if not len(decoded[0]):
        return FrameErrors()
    unit = target[1] / np.linalg.norm(target[1], axis=1, keepdims=True)
    return FrameErrors(
        float(np.linalg.norm(decoded[0] - target[0], axis=1).max()),
        float(np.linalg.norm(decoded[1] - unit, axis=1).max()),
        float(np.abs(np.log(decoded[2] / target[2])).max()),
    )
