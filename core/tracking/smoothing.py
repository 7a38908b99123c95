# SPDX-License-Identifier: GPL-3.0-or-later
"""Smoothing in time without lag: the most likely smooth signal over a whole clip, gaps filled.

Whittaker-Henderson: minimise sum w (x - y)^2 + l sum (second difference of x)^2, one banded system per clip. It is a
MAP smoother with a random walk of the velocity as prior; symmetric in time, so nothing is late; straight lines pass
unchanged; where w is 0 it interpolates. Its response is 1 / (1 + l (2 sin(w/2))^4) (Eilers 2003, Anal. Chem. 75:3631).
Letters: T frames.
"""

import numpy as np
from scipy.linalg import solveh_banded

MIN_WEIGHT = 1e-6  # of a frame without a face: keeps the system definite where all of a clip's end is unseen


def smoothing_strength(cutoff: float, rate: float) -> float:
    """The l whose response is one half at `cutoff` hertz, for `rate` frames per second."""
    angle = np.pi * min(cutoff / rate, 0.5)
    return float((2 * np.sin(angle)) ** -4)


def smooth_signal(
    signal: np.ndarray,  # [T, ...] any unit
    cutoff: float,  # hertz
    rate: float,  # frames per second
    weights: np.ndarray | None = None,  # [T] 0..1: 0 = not seen
) -> np.ndarray:
    """[T, ...] float64 of the same shape."""
    flat = np.asarray(signal, np.float64).reshape(len(signal), -1)
    count = len(flat)
    if count < 3:
        return np.asarray(signal, np.float64)
    w = np.ones(count) if weights is None else np.maximum(np.asarray(weights, np.float64), MIN_WEIGHT)
    system = smoothing_strength(cutoff, rate) * _second_difference_bands(count)
    system[2] += w
    measured = np.where(w[:, None] > MIN_WEIGHT, flat, 0.0)
    if (w <= MIN_WEIGHT).any():
        measured = fill_unseen(flat, w > MIN_WEIGHT)
    return solveh_banded(system, w[:, None] * measured).reshape(np.shape(signal))


def _second_difference_bands(count: int) -> np.ndarray:
    """[3, T] the diagonals of D'D (D the second difference) in LAPACK's upper form."""
    bands = np.zeros((3, count))
    kernel = (1.0, -2.0, 1.0)
    for row, first in enumerate(kernel):
        for column, second in enumerate(kernel[row:], row):
            bands[2 - (column - row), column : count - 2 + column] += first * second
    return bands


def fill_unseen(
    signal: np.ndarray,  # [T, N]
    seen: np.ndarray,  # [T] bool
) -> np.ndarray:
    """[T, N] with unseen frames on the straight line between their neighbours (the nearest one at the ends)."""
    if seen.all() or not seen.any():
        return signal
    frames = np.arange(len(signal))
    return np.stack([np.interp(frames, frames[seen], column[seen]) for column in signal.T], 1)
