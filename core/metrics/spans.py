# SPDX-License-Identifier: GPL-3.0-or-later
"""Spans of time, and which moments are in them. Knows nothing of what is said there.

Letters: T moments, S spans.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """From start to end, seconds on the clip's own timeline."""

    start: float
    end: float


def inside(
    times: np.ndarray,  # [T] seconds
    spans: Iterable[tuple[float, float]],  # seconds
    margin: float = 0.0,  # seconds, taken off both ends (added where negative)
) -> np.ndarray:
    """[T] bool: the moment is in one of the spans, ends included."""
    times, hit = np.asarray(times, np.float64), np.zeros(len(times), bool)
    for start, end in spans:
        hit |= (times >= start + margin) & (times <= end - margin)
    return hit


def frame_period(
    times: np.ndarray,  # [T] seconds, increasing
) -> float:
    """Median time between frames, seconds. Raises ValueError for fewer than two moments or ones that do not rise."""
    steps = np.diff(np.asarray(times, np.float64))
    if not len(steps) or not (steps > 0).all():
        raise ValueError("times must be at least two and rise from frame to frame")
    return float(np.median(steps))
