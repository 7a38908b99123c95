# SPDX-License-Identifier: GPL-3.0-or-later
"""One moved frame of Gaussians as bytes: int16 differences from the canonical ones, and back.

It knows no file. Letters: N Gaussians, M of them moved in this frame, 10 channels = 3 of position
(metres), 4 of quaternion (sign taken nearest to the canonical one), 3 of log-scale.

A channel's step is max|difference| / 32767 in this frame. Only the moved Gaussians are stored (a bit
each says which). Along a space-filling order neighbours move alike, so that what is stored is the
step from one to the next, zigzag, low and high bytes apart, Huffman-coded. None of it is in the
paper: chosen because it halves what zlib alone makes of the int16 values when a third of the head
moves, saves a fifth when all of it does, and is no slower to read (`benchmarks/storage.py`).
"""

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from .gaussians import Gaussians

CHANNELS = 10
STEPS = 32767  # int16
# The largest difference a channel may hold: 100 km, any rotation, a scale 20 e-folds away.
MOST = np.array([1e5] * 3 + [2.1] * 4 + [20.0] * 3)
HEAD = struct.Struct("<10f3d")  # steps, errors
HEAD_TAIL = struct.Struct("<4I")  # M, bytes of: moved bits, low bytes, high bytes
Moved = tuple[np.ndarray, np.ndarray, np.ndarray]  # means [N,3] metres, quats [N,4] wxyz unit, scales [N,3]


class DecodeError(ValueError):
    """The bytes are not a frame of these Gaussians."""


@dataclass(frozen=True)
class FrameErrors:
    """The largest errors over the Gaussians of a frame (or over all frames)."""

    position: float = 0.0  # metres, Euclidean
    quaternion: float = 0.0  # Euclidean distance of unit quaternions; about half the angle in radians
    log_scale: float = 0.0  # natural logarithm: 0.01 is 1 %

    def worst(self, other: "FrameErrors") -> "FrameErrors":
        return FrameErrors(
            max(self.position, other.position),
            max(self.quaternion, other.quaternion),
            max(self.log_scale, other.log_scale),
        )


def space_order(means: np.ndarray) -> np.ndarray:
    """The rows of `means` [N,3] along a Morton curve of 1024 cells an axis, int64 [N]."""
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


def encode(canonical: Gaussians, order: np.ndarray, moved: Moved) -> tuple[bytes, FrameErrors]:
    """The frame's bytes and the errors a reader will see.

    order: int64 [N] from `space_order`. Raises ValueError for wrong shapes, NaN, quaternions that
    are not unit to 1e-3, scales not above 0, differences above MOST.
    """
    means, quats, scales = (np.ascontiguousarray(a, np.float32) for a in moved)
    _check(canonical, means, quats, scales)
    near = np.where(np.einsum("ij,ij->i", quats, canonical.quats)[:, None] < 0, -quats, quats)
    # log(s/s0), not log s - log s0: exactly 0 for a Gaussian that is still.
    change = np.concatenate([means - canonical.means, near - canonical.quats, np.log(scales / canonical.scales)], 1)
    largest = np.abs(change).max(axis=0, initial=0)
    if not (largest <= MOST).all():
        raise ValueError("a Gaussian moved farther than a bake can hold")
    step = (largest / STEPS).astype(np.float32)
    bits = change.any(axis=1).take(order)
    rows = order[bits]
    steps = np.rint(change.take(rows, 0) / np.where(step > 0, step, np.inf)).T
    chunks = (
        _squeezed(np.packbits(bits), zlib.Z_DEFAULT_STRATEGY),
        *_planes(np.clip(steps, -STEPS, STEPS).astype(np.int16)),
    )
    tail = HEAD_TAIL.pack(len(rows), *map(len, chunks)) + b"".join(chunks)
    back = tuple(np.empty_like(a) for a in (means, quats, scales))
    decode(HEAD.pack(*step, 0, 0, 0) + tail, canonical, order, back)
    errors = _errors(*(tuple(a.take(rows, 0) for a in table) for table in (back, (means, near, scales))))
    return HEAD.pack(*step, errors.position, errors.quaternion, errors.log_scale) + tail, errors


def decode(coded: bytes, canonical: Gaussians, order: np.ndarray, into: Moved) -> None:
    """Fill `into` (float32, C-contiguous) with the frame. Raises DecodeError.

    Nothing is allocated beyond the size of the canonical Gaussians, whatever the bytes claim.
    """
    step, _ = _head(coded)
    count, *lengths = HEAD_TAIL.unpack_from(coded, HEAD.size)
    n, at = len(canonical), HEAD.size + HEAD_TAIL.size
    if count > n or at + sum(lengths) != len(coded):
        raise DecodeError("lengths do not agree")
    parts = []
    for length, wanted in zip(lengths, ((n + 7) // 8, CHANNELS * count, CHANNELS * count)):
        parts.append(_spread(coded[at : at + length], wanted))
        at += length
    rows = order[np.unpackbits(parts[0], count=n).view(bool)]
    if len(rows) != count:
        raise DecodeError("the moved Gaussians are not as many as it says")
    change = _whole(parts[1], parts[2]) * step[:, None]  # [10,M]
    for table, still in zip(into, (canonical.means, canonical.quats, canonical.scales)):
        table[:] = still
    means, quats, scales = into
    # Column by column: numpy gathers and scatters whole rows several times slower.
    for i in range(3):
        means[:, i][rows] = canonical.means[:, i].take(rows) + change[i]
        change[7 + i] = canonical.scales[:, i].take(rows) * np.exp(change[7 + i])
        scales[:, i][rows] = change[7 + i]
    turned = change[3:7]
    for i in range(4):
        turned[i] += canonical.quats[:, i].take(rows)
    length = np.sqrt((turned * turned).sum(axis=0))
    if count and not (length.min() > 1e-6 and change[7:].min() > 0 and np.isfinite(change[7:].max())):
        raise DecodeError("a Gaussian has no rotation or no size")
    turned /= length
    for i in range(4):
        quats[:, i][rows] = turned[i]


def errors_of(coded: bytes) -> FrameErrors:
    """The errors that were measured when the frame was encoded. Raises DecodeError."""
    return _head(coded)[1]


def _head(coded: bytes) -> tuple[np.ndarray, FrameErrors]:
    if len(coded) < HEAD.size + HEAD_TAIL.size:
        raise DecodeError("too short")
    fields = HEAD.unpack_from(coded)
    step = np.array(fields[:CHANNELS], np.float32)
    if not np.isfinite(fields).all() or min(fields) < 0 or (step * STEPS > MOST * 1.001).any():
        raise DecodeError("steps out of range")
    return step, FrameErrors(*fields[CHANNELS:])


def _check(canonical: Gaussians, means: np.ndarray, quats: np.ndarray, scales: np.ndarray) -> None:
    n = len(canonical)
    if means.shape != (n, 3) or quats.shape != (n, 4) or scales.shape != (n, 3):
        raise ValueError(f"shapes {means.shape} {quats.shape} {scales.shape} do not fit {n} Gaussians")
    if not all(np.isfinite(a).all() for a in (means, quats, scales)) or (n and scales.min() <= 0):
        raise ValueError("a Gaussian is not finite or has no size")
    if n and np.abs(np.einsum("ij,ij->i", quats, quats) - 1).max() > 2e-3:
        raise ValueError("quaternions are not unit")


def _planes(whole: np.ndarray) -> tuple[bytes, bytes]:
    """[10,M] int16 -> compressed low and high bytes of the zigzag steps from row to row (modulo 2^16)."""
    steps = np.diff(whole, axis=1, prepend=np.int16(0))
    zigzag = ((steps << 1) ^ (steps >> 15)).view(np.uint16)
    return (
        _squeezed((zigzag & 0xFF).astype(np.uint8), zlib.Z_HUFFMAN_ONLY),
        _squeezed((zigzag >> 8).astype(np.uint8), zlib.Z_HUFFMAN_ONLY),
    )


def _whole(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The inverse of `_planes`, its planes spread: int16 [10,M]."""
    zigzag = (low | high.astype(np.uint16) << 8).reshape(CHANNELS, -1)
    steps = (zigzag >> 1).view(np.int16) ^ -(zigzag & 1).view(np.int16)
    return np.cumsum(steps, axis=1, dtype=np.int16)


def _squeezed(data: np.ndarray, strategy: int) -> bytes:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15, 8, strategy)
    return squeeze.compress(np.ascontiguousarray(data)) + squeeze.flush()


def _spread(data: bytes, wanted: int) -> np.ndarray:
    """uint8 [wanted]; more is never inflated, whatever the data would become. Raises DecodeError."""
    try:
        spread = zlib.decompressobj(-15)
        out = spread.decompress(data, wanted + 1)
    except zlib.error as error:
        raise DecodeError("not compressed as it should be") from error
    if len(out) != wanted:
        raise DecodeError("inflates to another length")
    return np.frombuffer(out, np.uint8)


def _errors(back: Moved, true: Moved) -> FrameErrors:
    if not len(back[0]):
        return FrameErrors()
    unit = true[1] / np.linalg.norm(true[1], axis=1, keepdims=True)
    return FrameErrors(
        float(np.linalg.norm(back[0] - true[0], axis=1).max()),
        float(np.linalg.norm(back[1] - unit, axis=1).max()),
        float(np.abs(np.log(back[2] / true[2])).max()),
    )
