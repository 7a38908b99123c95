# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections: at this moment, this pose. What an animator changes at a frame, and how it comes and goes around it.

Not in the paper: chosen because a p that does not close needs a change of the pose there and nowhere else, and a change
that comes at once is a jump. A correction is a difference from what the head does by itself, so that it keeps its
meaning when the speech below it is moved, baked again or keyed. Corrections that overlap add up, in any order.

Letters: K channels of the rig.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..formats import RigChannel
from .pose_change import pose_vector
from .upper_face import smoothstep

BLEND_TIME = 0.1  # seconds: about as long as a lip takes to close or to open


class FallOff(NamedTuple):
    """How a correction comes and goes: seconds, none of them negative."""

    blend_in: float = BLEND_TIME  # before its moment, from nothing
    hold: float = 0.0  # from its moment on, as it is
    blend_out: float = BLEND_TIME  # after that, to nothing


DEFAULT = FallOff()


@dataclass(frozen=True)
class Correction:
    """A change of the pose around a moment."""

    after: float  # seconds from its moment to now; below 0 it is still to come
    change: Mapping[str, float]  # channel of the rig -> mm
    fall_off: FallOff = DEFAULT
    strength: float = 1.0

    @property
    def weight(self) -> float:
        """How much of it there is now: `strength` at its moment, exactly 0 where it has not begun or has ended."""
        late = self.after - self.fall_off.hold
        if self.after < 0:
            return self.strength * _fallen(-self.after, self.fall_off.blend_in)
        return self.strength * _fallen(late, self.fall_off.blend_out) if late > 0 else self.strength


def _fallen(away: float, length: float) -> float:
    """From 1 to 0 over a length, level at both ends."""
    return smoothstep(1.0 - away / length) if away < length else 0.0


def corrected(corrections: Iterable[Correction], channels: tuple[RigChannel, ...]) -> np.ndarray:
    """[K] float32, mm: what the corrections add to the pose, together; a channel that the rig has not adds nothing."""
    total = np.zeros(len(channels), np.float32)
    for correction in corrections:
        if weight := correction.weight:
            total += np.float32(weight) * pose_vector(correction.change, channels)
    return total
