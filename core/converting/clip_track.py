# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures' landmarks and expression -> a clip's track, which has every model frame.

Letters: F pictures, T model frames, E expression channels.
"""

import numpy as np

from ..footage import Track
from .er_nerf_layout import RATE

# Model frames without a picture (left out, or lost by the tracker) that are interpolated: 0.2 s. Not in the papers:
# chosen because a syllable is about as long; beyond it the motion would be made up, and the hole stays.
MAX_HOLE = 5


def track_from_pictures(
    frame: np.ndarray,  # [F] int: the 25th of a second on the clip's sound
    landmarks: np.ndarray,  # [F,68,3] metres, head space
    expression: np.ndarray,  # [F,E]
) -> Track:
    """In the order of time; pictures of one moment (several cameras) become their mean."""
    moments, row, count = np.unique(frame, return_inverse=True, return_counts=True)
    means = []
    for values in (landmarks, expression):
        total = np.zeros((len(moments), *values.shape[1:]))
        np.add.at(total, row.reshape(-1), values)
        means.append((total.T / count).T)
    filled = _without_short_holes(moments)
    landmarks, expression = (_interpolate(filled, moments, mean).astype(np.float32) for mean in means)
    return Track(filled / RATE, landmarks, expression)


def _without_short_holes(moments: np.ndarray) -> np.ndarray:  # [T] -> [T'] rising
    steps = np.diff(moments)
    holes = np.flatnonzero((steps > 1) & (steps <= MAX_HOLE + 1))
    return np.union1d(moments, [m for hole in holes for m in range(moments[hole] + 1, moments[hole + 1])]).astype(int)


def _interpolate(wanted: np.ndarray, moments: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[T',...] of values [T,...], linearly."""
    right = np.searchsorted(moments, wanted)
    left = np.maximum(right - 1, 0)
    share = (wanted - moments[left]) / np.maximum(moments[right] - moments[left], 1)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return (1 - share) * values[left] + share * values[right]
