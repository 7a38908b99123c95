# SPDX-License-Identifier: GPL-3.0-or-later
"""Smoothing in time without lag: the most likely smooth signal over a whole clip, gaps filled.

Whittaker-Henderson: minimise sum w (x - y)^2 + l sum (second difference of x)^2, one banded system a clip. It is a MAP
smoother with a random walk of the velocity as prior; symmetric in time, so nothing is late; straight lines pass
unchanged; where w is 0 it interpolates. Its response is 1 / (1 + l (2 sin(w/2))^4) (Eilers 2003, Anal. Chem. 75:3631).
Letters: T frames.
"""

import numpy as np
from scipy.linalg import solveh_banded

LEAST_WEIGHT = 1e-6  # of a frame without a sighting: keeps the system definite where all of a clip's end is unseen


def stiffness(cutoff: float, rate: float) -> float:
    """The l whose response is one half at `cutoff` hertz, for `rate` frames per second."""
    angle = np.pi * min(cutoff / rate, 0.5)
    return float((2 * np.sin(angle)) ** -4)


def smoothed(
    signal: np.ndarray,  # [T, ...] any unit
    cutoff: float,  # hertz
    rate: float,  # frames per second
    weights: np.ndarray | None = None,  # [T] 0..1: 0 = not seen
) -> np.ndarray:
    """[T, ...] float64 of the same shape."""
    flat = np.asarray(signal, np.float64).reshape(len(signal), -1)
    count = len(flat)
    w = np.ones(count) if weights is None else np.maximum(np.asarray(weights, np.float64), LEAST_WEIGHT)
    if count < 3:
        return np.asarray(signal, np.float64)
    differences = np.zeros((3, count))  # the diagonals of D'D, upper form
    for offset, row in enumerate(np.array([1.0, -2.0, 1.0])):
        for other, column in enumerate(np.array([1.0, -2.0, 1.0])):
            if other >= offset:
                differences[2 - (other - offset), other : count - 2 + other] += row * column
    system = stiffness(cutoff, rate) * differences
    system[2] += w
    start = np.where(w[:, None] > LEAST_WEIGHT, flat, 0.0)
    if (w <= LEAST_WEIGHT).any():
        start = filled(flat, w > LEAST_WEIGHT)
    return solveh_banded(system, w[:, None] * start).reshape(np.shape(signal))


def filled(
    signal: np.ndarray,  # [T, N]
    seen: np.ndarray,  # [T] bool
) -> np.ndarray:
    """[T, N] with unseen frames on the straight line between their neighbours (the nearest one at the ends)."""
    if seen.all() or not seen.any():
        return signal
    frames = np.arange(len(signal))
    return np.stack([np.interp(frames, frames[seen], column[seen]) for column in signal.T], 1)
