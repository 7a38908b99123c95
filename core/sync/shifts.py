# SPDX-License-Identifier: GPL-3.0-or-later
"""How alike two movements are when one of them is moved along in time.

A shift of k frames compares late[t + k] with early[t], so a positive best shift says that `late` comes k frames
after `early`. Knows nothing of lips or sound.

Letters: T frames, C coordinates, k shift in frames, r Pearson's correlation.
"""

import numpy as np

MAX_SHIFT = 15  # frames to either side: SyncNet's search width at 25 frames a second (Chung & Zisserman 2016)
LEAST = 8  # frames that must overlap; not in the paper: chosen because fewer correlate by accident


def overlap(
    late: np.ndarray,  # [T,...]
    early: np.ndarray,  # [T,...]
    k: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Views of the frames that meet at shift k: late[t + k] and early[t], [T-|k|,...] each."""
    T = len(late)
    return late[max(k, 0) : T + min(k, 0)], early[max(-k, 0) : T - max(k, 0)]


def movements(first: np.ndarray, second: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Both as [T,C] float64. Raises ValueError for differing shapes, nan and too few frames."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim == 0:
        raise ValueError(f"movements differ in shape: {a.shape} and {b.shape}")
    if reach < 0 or len(a) < reach + LEAST:
        raise ValueError(f"{len(a)} frames are too few to look {reach} frames to either side")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a movement has frames without a number; leave them out first")
    return a.reshape(len(a), -1), b.reshape(len(b), -1)


def shifted_correlation(
    late: np.ndarray,  # [T,...]
    early: np.ndarray,  # [T,...]
    reach: int = MAX_SHIFT,
) -> np.ndarray:
    """r at shifts -reach..reach, [2 reach + 1]. Each coordinate is centred over the overlap and all are pooled, so
    for one coordinate it is Pearson's r. 0 where one of the two does not move.
    Raises ValueError as `movements` does.
    """
    a, b = movements(late, early, reach)
    still = [1e-12 * np.abs(x).max(initial=0.0) * np.sqrt(x.size) for x in (a, b)]  # rounding is no movement
    out = np.zeros(2 * reach + 1)
    for k in range(-reach, reach + 1):
        u, v = (x - x.mean(axis=0) for x in overlap(a, b, k))
        lengths = np.linalg.norm(u), np.linalg.norm(v)
        if lengths[0] > still[0] and lengths[1] > still[1]:
            out[k + reach] = (u * v).sum() / (lengths[0] * lengths[1])
    return out


def best_shift(
    r: np.ndarray,  # [2 reach + 1]
) -> tuple[int, float] | None:
    """(frames, frames between frames by a parabola through the peak and its neighbours), of equal peaks the one
    nearest to zero. A peak at an end of the search has no neighbour: its fine shift is the whole number.
    None where nothing correlates: a still mouth has no offset, and must not count as a perfect one.
    """
    reach = len(r) // 2
    if not len(r) or r.max() <= 0:
        return None
    peaks = np.flatnonzero(r >= r.max() - 1e-12)
    i = int(peaks[np.argmin(np.abs(peaks - reach))])
    fine = float(i - reach)
    if 0 < i < len(r) - 1:
        bend = r[i - 1] - 2 * r[i] + r[i + 1]
        fine += float(0.5 * (r[i - 1] - r[i + 1]) / bend) if bend < 0 else 0.0
    return i - reach, fine
