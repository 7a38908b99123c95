# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender keeps of a retimed strip and does not show to Python, read from its memory (`bpy_struct.as_pointer`).

Python sees a retiming key's frame alone. Which moment of the sound the key holds is in the key's own struct
(SeqRetimingKey of Blender's DNA), and how many frames the sound has is in the strip's (Strip, before 5.0 Sequence).
Blender 4.5, 5.0, 5.2 and 5.3 have two layouts of each. A layout counts only where it holds what Python knows as well;
nothing is written.
"""

import ctypes
import struct
from typing import NamedTuple

import bpy

from ...core.formats import UserError
from .versions import strip_frames

TRANSITION = 1  # flag of a key: a change of speed begins here and ends at the next key (SEQ_SPEED_TRANSITION_IN)
KEY_SIZE, STRIP_SIZE = 40, 128  # bytes that every known layout has
FACTOR_OFFSETS = (12, 16)  # bytes; since 5.0, before
LENGTH_OFFSETS = (88, 104)  # bytes; since 5.2, before; the float of the strip's start follows


class RetimingKey(NamedTuple):
    """One key of a strip."""

    index: float  # scene frames after the strip's start
    flag: int
    factor: float  # share 0..1 of the sound's length that is over at this key


def retiming_keys(strip: bpy.types.SoundStrip) -> list[RetimingKey]:
    """The strip's keys in their order. Raises UserError where this Blender keeps them in a way not known here."""
    keys = list(strip.retiming_keys)
    frames = [key.timeline_frame - keys[0].timeline_frame for key in keys]
    blocks = [ctypes.string_at(key.as_pointer(), KEY_SIZE) for key in keys]
    for offset in FACTOR_OFFSETS:
        found = [
            RetimingKey(*struct.unpack_from("<di", block), *struct.unpack_from("<f", block, offset)) for block in blocks
        ]
        frames_fit = all(abs(key.index - found[0].index - frame) <= 1 for key, frame in zip(found, frames))
        factors = [key.factor for key in found]
        is_share = all(0 <= factor <= 1 for factor in factors) and factors == sorted(factors)
        if frames_fit and is_share and factors[0] == 0.0 and factors[-1] > 1 - 1e-5:
            return found
    raise _unknown(strip)


def content_length(strip: bpy.types.SoundStrip) -> int:
    """Scene frames that the strip's sound lasts at normal speed. Raises UserError as `retiming_keys` does."""
    block = ctypes.string_at(strip.as_pointer(), STRIP_SIZE)
    start = float(strip_frames(strip)[0])
    for offset in LENGTH_OFFSETS:
        length, stored_start = struct.unpack_from("<if", block, offset)
        if length > 0 and abs(stored_start - start) < 1e-3:
            return length
    raise _unknown(strip)


def _unknown(strip: bpy.types.SoundStrip) -> UserError:
    return UserError(
        f"The strip {strip.name} is retimed in a way that cannot be followed in this version of Blender; "
        "reset its retiming, or mix the sound down to a new file."
    )
