# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the lips close where a p, a b or an m is spoken? Leaky lips are what viewers see first and sync scores miss.

A check of talksplat's own, not in the paper. Spans come from word or phone timings (`grid_words.py` for GRID); which
gap counts as closed comes from the target's track, so that head and footage are held to the same measure.

Letters: T frames, S spans.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .spans import frame_period, inside

SHARE = 0.15  # of the way from closed to open; not in the paper: chosen on 36 tracked clips of GRID talker s1, in which
# 98 % of 49 bilabials and 36 % of 113 starts of words without one fall below (lips pass by closed elsewhere too)


@dataclass(frozen=True)
class LipClosure:
    """Smallest lip gaps of the spans. Shares and means are nan where no span holds a frame."""

    smallest: np.ndarray  # [S] smallest gap in each span that holds a frame, in the gap's unit
    threshold: float  # the same unit
    missed: int  # spans without any frame: outside the clip

    @property
    def spans(self) -> int:
        """How many spans hold a frame."""
        return len(self.smallest)

    @property
    def share(self) -> float:
        """Share of the spans in which the lips close, 0..1."""
        return float(np.mean(self.smallest < self.threshold)) if len(self.smallest) else float("nan")

    @property
    def mean_smallest(self) -> float:
        """Mean over the spans of the smallest gap."""
        return float(np.mean(self.smallest)) if len(self.smallest) else float("nan")


def closed_gap_threshold(
    gap: np.ndarray,  # [T] of the target's track, best of all its clips together
    share: float = SHARE,
) -> float:
    """The gap below which lips count as closed: `share` of the way from the 2nd to the 95th percentile.
    Raises ValueError for a gap without numbers."""
    gap = np.asarray(gap, np.float64)
    if not np.isfinite(gap).any():
        raise ValueError("no frame of the track has a lip gap")
    low, high = np.nanpercentile(gap, [2, 95])
    return float(low + share * (high - low))


def lip_closure(
    gap: np.ndarray,  # [T] distance of the inner lips, any unit; nan where the face was lost
    times: np.ndarray,  # [T] seconds, rising
    spans: Iterable[tuple[float, float]],  # seconds
    threshold: float,  # in the gap's unit
) -> LipClosure:
    """The smallest gap over the frames in each span. Frames up to half a frame outside belong to it: each frame stands
    for its period, so a span shorter than a frame still counts. Raises ValueError for shapes that do not fit.
    """
    gap = np.asarray(gap, np.float64)
    if gap.ndim != 1 or len(gap) != len(times):
        raise ValueError(f"a lip gap must be [T] with T times, not {gap.shape} and {len(times)} times")
    half, spans = frame_period(times) / 2, list(spans)
    gaps = [gap[inside(times, [span], -half - 1e-9) & np.isfinite(gap)] for span in spans]
    smallest = np.array([inner.min() for inner in gaps if len(inner)])
    return LipClosure(smallest, float(threshold), len(spans) - len(smallest))
