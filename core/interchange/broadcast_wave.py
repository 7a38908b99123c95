# SPDX-License-Identifier: GPL-3.0-or-later
"""Broadcast Wave: 24-bit PCM that says when it begins, so that editors and sound departments place it by time code (EBU
Tech 3285; the chunk "bext").

Letters: L samples, c channels.
"""

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..formats import atomic_write

RATE = 48000  # Hz; what film expects
FULL_SCALE = 2**23 - 1
MOST_BYTES = 2**32 - 2**16  # a RIFF file counts its bytes in 32 bits
DAY = 86400  # seconds


def time_reference(frame: int, rate: Fraction) -> int:
    """Samples from midnight to a frame's start, by real time: frame 0 is midnight, frames before it are of the day
    before."""
    return int(Fraction(frame) / rate * RATE) % (DAY * RATE)


def write_broadcast_wave(
    path: Path | str,
    samples: np.ndarray,  # [L,c] float -1..1 at RATE
    begin: int,  # time_reference of the first sample
    description: str = "",
) -> None:
    """Write it atomically. Raises ValueError for other shapes and for more than a RIFF file holds."""
    if samples.ndim != 2 or not 1 <= samples.shape[1] <= 64:
        raise ValueError(f"a wave file takes [L,c], not {samples.shape}")
    channels = samples.shape[1]
    integers = np.rint(np.clip(samples, -1.0, 1.0) * FULL_SCALE).astype("<i4")
    data = integers.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data) >> 20} MB of sound are more than a wave file holds")
    layout = struct.pack("<HHIIHH", 1, channels, RATE, RATE * channels * 3, channels * 3, 24)
    chunks = [(b"bext", _extension(begin, description)), (b"fmt ", layout), (b"data", data)]
    body = b"".join(name + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2) for name, value in chunks)
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)


def _extension(begin: int, description: str) -> bytes:
    """The chunk "bext", version 1; no date, so that the same sound gives the same bytes."""
    text = description.encode("ascii", "replace")[:256]
    fields = text, b"talksplat", b"", b"", b"", begin & 0xFFFFFFFF, begin >> 32, 1
    return struct.pack("<256s32s32s10s8sIIH", *fields) + bytes(64 + 190)
