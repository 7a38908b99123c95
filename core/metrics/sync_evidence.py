# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a lip offset say anything? One sentence matches its sound in several places, and the best of them is chance: of
34 GRID clips of 3 s, 13 seemed 4 to 15 frames off and none was. Only what many stretches agree on is told.

A film is cut into stretches, each with its own correlation curve. The peak of the mean curve counts where it lies above
every shift further away in most stretches: Student's t of the differences, against the runner-up. Not in the paper:
chosen on those clips, where of subsets that were told anything fewer than 1 in 100 were off by more than two frames
(told: 9 % of subsets of 12 s, 36 % of 30 s, 79 % of 60 s).

Letters: T frames, n stretches, k shift in frames, r Pearson's correlation.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..sync import LEAST, MAX_SHIFT
from .sync_offset import LipOffset, lip_offset

STRETCH = 3.0  # seconds: a sentence
MIN_STRETCHES = 4  # for a t that means anything
PEAK_WIDTH = 3  # frames: shifts that near belong to the same peak
MIN_T, MIN_R = 2.0, 0.1  # of the peak against the runner-up; of the peak, free speech over loudness has 0.2
MIN_STRETCHES_UNRELATED = 20  # a minute, from which lips that follow the sound have shown it
MIN_T_RELATED, MIN_R_RELATED = 2.5, 0.2  # of the peak against no correlation; below both, nothing follows


def offset_stretches(
    predicted: np.ndarray,  # [T] lip geometry
    target: np.ndarray,  # [T] what it should follow
    rate: Fraction,  # frames a second, of both
    reach: int = MAX_SHIFT,
) -> list[LipOffset]:
    """The offset in each stretch of about STRETCH seconds; none of a clip shorter than 3 reach + 8 frames, which
    correlates by accident at the far shifts. Raises ValueError as `lip_offset` does."""
    shortest = 3 * reach + LEAST
    if len(predicted) < shortest:
        return []
    count = max(len(predicted) // max(round(STRETCH * rate), shortest), 1)
    parts = zip(np.array_split(predicted, count), np.array_split(target, count), strict=True)
    return [lip_offset(*part, rate, reach) for part in parts]


def is_certain(
    stretches: Sequence[LipOffset],  # n, of one rate and reach
) -> bool:
    """Whether the stretches agree on one shift: the pooled offset may be told."""
    if len(stretches) < MIN_STRETCHES:
        return False
    curves, peak = _curves(stretches)
    if curves[:, peak].mean() < MIN_R:
        return False
    others = np.abs(np.arange(curves.shape[1]) - peak) >= PEAK_WIDTH
    return bool(_t(curves[:, [peak]] - curves[:, others]).min() >= MIN_T)


def is_unrelated(
    stretches: Sequence[LipOffset],  # n, of one rate and reach
) -> bool:
    """Whether the lips would have shown by now that they follow the sound, and have not."""
    if len(stretches) < MIN_STRETCHES_UNRELATED:
        return False
    curves, peak = _curves(stretches)
    return bool(curves[:, peak].mean() < MIN_R_RELATED and _t(curves[:, peak]) < MIN_T_RELATED)


def _curves(stretches: Sequence[LipOffset]) -> tuple[np.ndarray, int]:
    """(r by shift [n,S], the shift at which their mean is largest)."""
    curves = np.stack([stretch.curve for stretch in stretches])
    return curves, int(curves.mean(axis=0).argmax())


def _t(values: np.ndarray) -> np.ndarray:
    """Student's t of the mean over the first axis."""
    deviation = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return values.mean(axis=0) / np.maximum(deviation, 1e-9)
