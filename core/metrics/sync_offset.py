# SPDX-License-Identifier: GPL-3.0-or-later
"""The lip-offset score: by how many frames the lips come late (+) or early (-) after what they should follow.

Two curves of lip geometry are moved past each other; the offset is where they correlate best. The curves may be a
head's lip gap and the footage's, or a measured one and one that a regression predicts from the sound. It is not
SyncNet's LSE-D or LSE-C and cannot be compared with them: no network is in it, and it says nothing about sharpness or
shape. Not in the paper: chosen because SyncNet's weights are not free to ship and this needs none.

Letters: T frames, r Pearson's correlation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..sync import MAX_SHIFT, best_shift, shifted_correlation


@dataclass(frozen=True)
class LipOffset:
    """Where two curves correlate best. `frames` and `fine` are None where nothing correlates."""

    frames: int | None  # positive: the prediction comes after the target
    fine: float | None  # frames, between frames by a parabola
    rate: Fraction  # frames a second
    curve: np.ndarray  # [2 reach + 1] r at shifts -reach..reach

    @property
    def shifts(self) -> np.ndarray:
        """[2 reach + 1] frames, one for each r of the curve."""
        return np.arange(len(self.curve)) - len(self.curve) // 2

    @property
    def seconds(self) -> float | None:
        """`fine` in seconds."""
        return None if self.fine is None else self.fine / float(self.rate)

    @property
    def r(self) -> float:
        """Correlation at the best shift."""
        return float(self.curve.max())

    @property
    def r_unmoved(self) -> float:
        """Correlation without a shift."""
        return float(self.curve[len(self.curve) // 2])


def lip_offset(
    predicted: np.ndarray,  # [T] lip geometry
    target: np.ndarray,  # [T] what it should follow, any unit
    rate: Fraction | int,  # frames a second, of both
    reach: int = MAX_SHIFT,
) -> LipOffset:
    """By how much the prediction is late. Raises ValueError for curves of differing length, with nan, or shorter than
    reach + 8 frames."""
    if np.ndim(predicted) != 1 or np.ndim(target) != 1:
        raise ValueError("lip curves must be [T], one number a frame")
    curve = shifted_correlation(predicted, target, reach)
    frames, fine = best_shift(curve) or (None, None)
    return LipOffset(frames, fine, Fraction(rate), curve)


def share_within(offsets: Sequence[LipOffset], frames: int = 1) -> float:
    """Share of clips whose offset is at most so many frames; a clip in which nothing correlates is a miss.
    nan without clips."""
    hits = [offset.frames is not None and abs(offset.frames) <= frames for offset in offsets]
    return float(np.mean(hits)) if hits else float("nan")


def pool_offsets(offsets: Sequence[LipOffset]) -> LipOffset:
    """The offset of the clips' mean correlation curve: steadier than that of any short clip.
    Raises ValueError where rates or reaches differ, or without clips."""
    if len({(offset.rate, len(offset.curve)) for offset in offsets}) != 1:
        raise ValueError("only clips of one frame rate and one reach can be pooled, and at least one")
    curve = np.mean([offset.curve for offset in offsets], axis=0)
    frames, fine = best_shift(curve) or (None, None)
    return LipOffset(frames, fine, offsets[0].rate, curve)
