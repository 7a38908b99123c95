# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a sound nobody speaks, by its level alone. Knows nothing of words.

Letters: L samples, hop 10 ms of them.
"""

import numpy as np

QUIET = 0.35  # of the way in dB from floor (5th percentile) to loud (95th); not in the paper: chosen on 20 clips
# of GRID talker s1, where 92 % of what it finds is marked as a pause and 77 % of the pauses are found
DEEPEST = 50.0  # dB from loud to floor at most; not in the paper: chosen because digital silence has no bottom
LEAST = 15.0  # dB from floor to loud; not in the paper: chosen because a sound that varies less has no pauses to tell
SHORTEST = 0.2  # seconds; not in the paper: chosen because the closure of a p or a b is silent, yet no rest
HOP = 0.01  # seconds between levels
SMOOTH = 5  # hops that a level is the mean of
BLOCK = 6000  # hops at once, a minute: the memory does not grow with the sound


def silent_spans(
    samples: np.ndarray,  # [L] sound, any scale
    rate: int,  # samples a second
    quiet: float = QUIET,  # 0 the floor .. 1 the loud passages
    shortest: float = SHORTEST,  # seconds
) -> list[tuple[float, float]]:
    """Where a sound is quiet for long enough, (start, end) in seconds.

    Nothing but zeros is one silence; a sound that hardly varies has none.
    Prefer word timings where there are any. Raises ValueError for a sound that is not [L].
    """
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ValueError(f"a sound must be [L], one channel, not {samples.shape}")
    hop = max(round(rate * HOP), 1)
    count = len(samples) // hop
    if not count:
        return []
    if not samples.any():
        return [(0.0, len(samples) / rate)]
    silent = _quiet_hops(_levels(samples[: count * hop].reshape(count, hop)), quiet)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
    spans = [(float(start * hop / rate), float(end * hop / rate)) for start, end in edges.reshape(-1, 2)]
    return [(start, end) for start, end in spans if end - start >= shortest]


def _quiet_hops(levels: np.ndarray, quiet: float) -> np.ndarray:
    """[count] bool; none where the sound hardly varies."""
    loud = np.percentile(levels, 95)
    floor = max(np.percentile(levels, 5), loud - DEEPEST)
    return (levels <= floor + quiet * (loud - floor)) & (loud - floor >= LEAST)


def _levels(hops: np.ndarray) -> np.ndarray:
    """[count] dB, each over SMOOTH hops around it."""
    blocks = (hops[a : a + BLOCK].astype(np.float64) for a in range(0, len(hops), BLOCK))
    power = np.concatenate([(block**2).mean(axis=1) for block in blocks])
    power = np.pad(power, SMOOTH // 2, mode="edge")
    return 10 * np.log10(np.maximum(np.convolve(power, np.full(SMOOTH, 1 / SMOOTH), "valid"), 1e-20))
