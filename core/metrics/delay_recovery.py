# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a delayed voice delay the mouth? What a head does for a sound, against what it does for the sound k frames late.

A head that follows the sound moves the same way k frames later; one that follows absolute time does not. A check of
talksplat's own, not in the paper.

Letters: T frames, k shift in frames.
"""

from dataclasses import dataclass

import numpy as np

from ..sync import MAX_SHIFT, best_shift, movements, overlap, shifted_correlation


@dataclass(frozen=True)
class ShiftRecovery:
    """The delay of an output. `frames` and `fine` are None where one of the two outputs does not move."""

    frames: int | None  # the delay that was recovered
    fine: float | None  # frames, between frames by a parabola
    r: float  # correlation at that delay
    residual: float  # what differs after moving back, as a share of the movement (both rms); nan where nothing moves


def shift_recovery(
    undelayed: np.ndarray,  # [T,...] anything that moves: lip gap, landmarks, Gaussian centres
    delayed: np.ndarray,  # [T,...] the same for the sound delayed
    reach: int = MAX_SHIFT,
) -> ShiftRecovery:
    """By how much `delayed` comes after `undelayed`. Raises ValueError for shapes that differ, nan, or fewer than
    reach + 8 frames."""
    curve = shifted_correlation(delayed, undelayed, reach)
    shift = best_shift(curve)
    if shift is None:
        return ShiftRecovery(None, None, float(curve.max()), float("nan"))
    late, early = overlap(*movements(delayed, undelayed, reach), shift[0])
    movement = np.sqrt(np.mean((early - early.mean(axis=0)) ** 2))
    residual = float(np.sqrt(np.mean((late - early) ** 2)) / movement)
    return ShiftRecovery(*shift, float(curve.max()), residual)
