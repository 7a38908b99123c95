# SPDX-License-Identifier: GPL-3.0-or-later
"""Which moment of its sound a retimed strip plays: straight lines between knots.

Follows what Blender's sequencer hands to its sound library (strip_retiming.cc and SequenceHandle.cpp, read, not
copied): a speed for every scene frame, which is added up where playback starts. docs/research/strip_truth.md holds it
against the mixdown.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import bpy

from ...core.formats import UserError
from .strip_memory import TRANSITION, RetimingKey, content_length, retiming_keys
from .versions import is_retimed, keeps_pitch, last_frame_index

SAME_SPEED = 0.01  # two speeds that differ by less have no transition between them
Knot = tuple[Fraction, Fraction]  # scene frames after the strip's start, frames of the sound


@dataclass(frozen=True)
class Retiming:
    """Knots in rising order, the first at (0, 0). It knows nothing of bpy."""

    knots: tuple[Knot, ...]

    def played(self, frames: Fraction) -> Fraction:
        """Scene frames after the strip's start -> frames of the sound at normal speed; before the start as if the
        strip were not retimed, after the last knot at the last speed."""
        if frames <= 0 or len(self.knots) < 2:
            return frames
        number = min(bisect_right(self.knots, frames, key=lambda knot: knot[0]), len(self.knots) - 1)
        (a, played), (b, last) = self.knots[number - 1], self.knots[number]
        return played + (frames - a) * (last - played) / (b - a)


def retiming_of(strip: bpy.types.SoundStrip) -> Retiming | None:
    """The strip's retiming, None for a strip without keys. Raises UserError for what Blender itself plays in two ways,
    and where its keys cannot be read."""
    if not is_retimed(strip):
        return None
    keys = retiming_keys(strip)
    length = content_length(strip)
    knots = retiming_knots(keys, last_frame_index(length), length - 1)
    if keeps_pitch(strip) and any(a[1] == b[1] for a, b in pairwise(knots)):
        raise UserError(
            f"The strip {strip.name} has a freeze frame and Preserve Pitch, with which Blender plays on through the "
            "freeze frame; switch Preserve Pitch off in the strip's properties."
        )
    return Retiming(knots)


def retiming_knots(keys: list[RetimingKey], length: int, length_in_transitions: int) -> tuple[Knot, ...]:
    """The lengths: frames of the sound at normal speed, as Blender counts them; in transitions it counts one less.
    Between two keys of constant speed it counts whole frames."""
    knots: list[Knot] = [(Fraction(0), Fraction(0))]
    for i, (key, following) in enumerate(pairwise(keys)):
        if following.index <= key.index:
            continue
        played = knots[-1][1]
        if key.flag & TRANSITION and 0 < i < len(keys) - 2:
            knots += _transition(keys, i, length_in_transitions, played)
        else:
            whole = round(following.factor * length) - round(key.factor * length)
            knots.append((Fraction(following.index), played + whole))
    return tuple(knots)


def _transition(keys: list[RetimingKey], i: int, length: int, played: Fraction) -> list[Knot]:
    """A knot a frame: Blender's speed at a frame is what has passed since the frame before."""
    first, last = round(keys[i].index), round(keys[i + 1].index)
    shares = [_share(keys, i, frame, length) for frame in range(first - 1, last)]
    return [
        (Fraction(first + n), played + Fraction((share - shares[0]) * length)) for n, share in enumerate(shares) if n
    ]


def _share(keys: list[RetimingKey], i: int, frame: int, length: int) -> float:
    """Share of the sound that is over at a frame: on the straight segment before the transition `i`, or on the arc that
    joins the segments on its two sides without a kink."""
    before, key, following, after = keys[i - 1 : i + 3]
    slope = (key.factor - before.factor) / max(key.index - before.index, 1)
    slope_after = (after.factor - following.factor) / max(after.index - following.index, 1)
    if frame <= key.index or abs(slope - slope_after) * length < SAME_SPEED:
        return key.factor + slope * (frame - key.index)
    # The centre is on the normals of both ends: x + slope * y is the same along each.
    right, left = following.index + slope_after * following.factor, key.index + slope * key.factor
    y = (right - left) / (slope_after - slope)
    x = left - slope * y
    radius = math.hypot(key.index - x, key.factor - y)
    side = -1 if y > key.factor else 1
    return y + side * math.sqrt(max(radius**2 - (frame - x) ** 2, 0.0))
