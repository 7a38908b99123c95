# SPDX-License-Identifier: GPL-3.0-or-later
"""By how many frames a mouth is late, and how sure that is; or why it cannot be told.

The mouth is held against the mouth that the head itself would make for the sound, not against the sound's level: a
level says only that somebody speaks, and its best match is chance in a shot of a few seconds (`metrics.sync_evidence`).

Not in the paper: chosen because a number that is wrong costs an animator more than none.

Letters: T frames, k shift in frames, r Pearson's correlation.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .shifts import LEAST, best_shift, shifted_correlation

REACH = Fraction(1, 2)  # seconds to either side: a take that is further off is another take
LEAST_OPENING = 1.0  # mm from closed to open (5th to 95th percentile): less is no speech
SPOKEN = 0.2  # of that opening, from which a frame counts as speech
LEAST_SPEECH = Fraction(1)  # second: three syllables
MIN_R = 0.4  # of the best shift; music against a sentence reaches 0.3
PEAK_WIDTH = Fraction(1, 8)  # seconds: shifts that near belong to the same answer, half a syllable
MIN_CONFIDENCE = 0.3  # below it there are two answers
SHORT, NO_SPEECH = "too little speech", "no speech to go by"


@dataclass(frozen=True)
class OffsetSuggestion:
    """`frames` is None where it cannot be told; then `reason` says why, as the end of a sentence."""

    frames: int | None  # above 0 the mouth comes later than the sound
    # 0..1: of what the second-best answer leaves unexplained, the share that the best one explains
    confidence: float
    reason: str = ""


def suggest_offset(
    shown: np.ndarray,  # [T] mm, how far the lips are apart
    expected: np.ndarray,  # [T] mm, how far they would be for the sound without an offset
    rate: Fraction | int,  # frames a second
) -> OffsetSuggestion:
    """By how much `shown` comes later than `expected`, within half a second. Raises ValueError for curves of differing
    length or with nan."""
    reach = max(int(REACH * rate), 1)
    if len(shown) < 3 * reach + LEAST:  # fewer correlate by accident at the far shifts
        return _untold(SHORT)
    if reason := _lacks_speech(expected, rate) or _lacks_motion(shown):
        return _untold(reason)
    curve = shifted_correlation(shown, expected, reach)
    return _answer(curve, reach, max(round(PEAK_WIDTH * rate), 1))


def _answer(curve: np.ndarray, reach: int, width: int) -> OffsetSuggestion:
    shift = best_shift(curve)
    if shift is None or curve.max() < MIN_R:
        return _untold("the mouth does not follow this sound")
    frames, shifts = shift[0], np.arange(-reach, reach + 1)
    if abs(frames) == reach:  # the curve may go on rising beyond the end of the search
        return _untold(f"{frames:+d} frames or more")
    others = np.where(np.abs(shifts - frames) >= width, curve, -1.0)
    second = int(others.argmax())
    confidence = float(np.clip((curve.max() - others[second]) / max(1 - others[second], 1e-9), 0.0, 1.0))
    if confidence < MIN_CONFIDENCE:
        return OffsetSuggestion(None, confidence, f"two answers, {frames:+d} and {shifts[second]:+d} frames")
    return OffsetSuggestion(frames, confidence)


def _lacks_speech(lips: np.ndarray, rate: Fraction | int) -> str:
    closed, opened = np.percentile(lips, [5, 95])
    if opened - closed < LEAST_OPENING:
        return NO_SPEECH
    spoken = int((lips > closed + SPOKEN * (opened - closed)).sum())
    return SHORT if spoken < LEAST_SPEECH * rate else ""


def _lacks_motion(lips: np.ndarray) -> str:
    return "the mouth does not move" if np.ptp(lips) < LEAST_OPENING else ""


def _untold(reason: str) -> OffsetSuggestion:
    return OffsetSuggestion(None, 0.0, reason)
