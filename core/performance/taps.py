# SPDX-License-Identifier: GPL-3.0-or-later
"""A track on an even grid at any time between its samples, and averaged around it: a few samples and their weights.

Letters: T samples of a track, n of them with a weight.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

ONE = np.ones(1, np.float32)


class Taps(NamedTuple):
    """Samples n and their weights, whose sum is 1."""

    rows: np.ndarray  # [n] int64, within 0..T-1, neighbours: each pair is interpolated linearly
    share: np.float32  # 0..1, of the later of a pair
    weights: np.ndarray  # [n - 1] float32, of the pairs

    def of(self, samples: np.ndarray) -> np.ndarray:
        """[...]: of the rows' samples [n,...]. Equal samples give exactly their value where nothing is averaged."""
        between = samples[:-1] + self.share * (samples[1:] - samples[:-1])
        return between[0] if len(between) == 1 else np.tensordot(self.weights, between, 1)


def taps_at(position: Fraction, count: int, width: float) -> Taps:
    """position: within 0..T-1; count: T. width: in samples, of a raised cosine (Hann's window) at half its height, so
    that it reaches as far before the position as after it; up to 1: none. Beyond the ends the end's sample holds."""
    below = int(position)
    if width <= 1:
        return Taps(np.array([below, min(below + 1, count - 1)]), np.float32(position - below), ONE)
    reach = math.ceil(width) - 1
    offsets = np.arange(-reach, reach + 1)
    weights = 1 + np.cos(np.pi * offsets / width)
    rows = np.clip(below + np.arange(-reach, reach + 2), 0, count - 1)
    return Taps(rows, np.float32(position - below), (weights / weights.sum()).astype(np.float32))
