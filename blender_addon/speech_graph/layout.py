# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in an editor the graph goes: pixels of a region, from what is heard, how far the lips are apart, and the words.

Letters: P pixels of the region's width, n frames in view.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.formats import TimedLabel

ROW = 16  # pixels of a row of words at a scale of 1
CLOSED_HEIGHT = 3  # pixels of the mark of a closure
PRESSED = 0.1  # of the graph's height, below closed: lips that are pressed together
HEADROOM = 1.05  # above the widest opening
NARROWEST = 6.0  # pixels of a bar, on average, below which a row of labels would be a blur


@dataclass(frozen=True)
class TimeAxis:
    """An editor's time axis."""

    first: float  # frame at the region's left edge
    last: float  # frame at its right edge
    width: int  # pixels
    rate: float  # frames a second

    def x_of(self, frames: np.ndarray) -> np.ndarray:
        """Pixels from the left edge."""
        return (np.asarray(frames, np.float64) - self.first) * (self.width / (self.last - self.first))

    def edges(self) -> np.ndarray:
        """[P+1] seconds of scene time at the pixels' edges."""
        return np.linspace(self.first, self.last, self.width + 1) / self.rate

    def view(self) -> range:
        """The whole frames in view, and one to either side."""
        return range(int(np.floor(self.first)), int(np.ceil(self.last)) + 1)


@dataclass(frozen=True)
class Band:
    """The part of the region's height that something is drawn in, pixels."""

    bottom: float
    top: float


def level_shape(
    levels: np.ndarray,  # [P] 0..1
    band: Band,
) -> np.ndarray:
    """[2P,2] corners of a strip of triangles: filled from the bottom."""
    x = np.repeat(np.arange(len(levels)) + 0.5, 2)
    y = np.full(2 * len(levels), band.bottom, np.float64)
    y[1::2] += levels * (band.top - band.bottom)
    return np.stack([x, y], axis=1).astype(np.float32)


def lips_line(
    axis: TimeAxis,
    band: Band,
    frames: np.ndarray,  # [n] rising
    lips: np.ndarray,  # [n] mm, nan where it is not known
    widest: float,  # mm
) -> np.ndarray:
    """[m,2] corners of a line over the frames that are known; of many frames in a pixel the closest and the widest."""
    known = np.isfinite(lips)
    x, y = axis.x_of(frames[known]), lips[known]
    if len(x) > 2 * axis.width:
        starts = np.flatnonzero(np.diff(np.floor(x), prepend=-np.inf))
        y = np.stack([np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)], axis=1).reshape(-1)
        x = np.repeat(x[starts], 2)
    share = np.clip(y / max(widest * HEADROOM, 1e-6), -PRESSED, 1.0)
    height = (band.top - band.bottom) / (1 + PRESSED)
    return np.stack([x, band.bottom + (share + PRESSED) * height], axis=1).astype(np.float32)


def closed_bars(
    axis: TimeAxis,
    frames: np.ndarray,  # [n] rising by one
    lips: np.ndarray,  # [n] mm, nan where it is not known
    closed: float,  # mm, up to which lips count as closed
) -> list[tuple[float, float]]:
    """(left, right) pixels of each run of frames in which the lips are closed, half a frame to either side."""
    with np.errstate(invalid="ignore"):
        is_closed = np.concatenate([[False], lips <= closed, [False]])
    starts, ends = np.flatnonzero(np.diff(is_closed.astype(np.int8))).reshape(-1, 2).T
    left, right = axis.x_of(frames[starts] - 0.5), axis.x_of(frames[ends - 1] + 0.5)
    return list(zip(left.tolist(), np.maximum(right, left + 1).tolist()))


def label_bars(axis: TimeAxis, labels: Sequence[TimedLabel]) -> list[tuple[float, float, str]]:
    """(left, right, label) in pixels of the labels in view; none where they are too narrow to see.

    labels: by rising start, at seconds of the scene.
    """
    first, last = axis.first / axis.rate, axis.last / axis.rate
    start = max(bisect_left(labels, first, key=lambda label: label.start) - 1, 0)
    end = bisect_right(labels, last, key=lambda label: label.start)
    shown = [label for label in labels[start:end] if label.end > first]
    if not shown or axis.width / len(shown) < NARROWEST:
        return []
    x = axis.x_of(np.array([label[:2] for label in shown]) * axis.rate)
    return [(left, right, label.label) for (left, right), label in zip(x.tolist(), shown)]
