# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the mouth rest when nobody speaks? Motion energy in silent spans against that in spoken ones.

A check of talksplat's own, not in the paper: picture metrics hardly see a mouth that trembles in silence.

Letters: T frames, P points, D dimensions, L samples of sound, hop 10 ms of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .spans import Span, frame_period, inside

MARGIN = 0.12  # seconds at a silence's ends; not in the paper: chosen because lips start before the sound does
QUIET = 0.35  # of the way in dB from floor (5th percentile) to loud (95th); not in the paper: chosen on 20 clips
# of GRID talker s1, where 92 % of what it finds is marked as a pause and 77 % of the pauses are found
DEEPEST = 50.0  # dB from loud to floor at most; not in the paper: chosen because digital silence has no bottom
LEAST = 15.0  # dB from floor to loud; not in the paper: chosen because a sound that varies less has no pauses to tell
SHORTEST = 0.2  # seconds; not in the paper: chosen because the closure of a p or a b is silent, yet no rest
HOP = 0.01  # seconds between levels
SMOOTH = 5  # hops that a level is the mean of
BLOCK = 6000  # hops at once, a minute: the memory does not grow with the sound


@dataclass(frozen=True)
class SilenceMotion:
    """Mean squared speed of the points, (unit / s)^2. nan where no step between frames was of that kind."""

    silent: float
    spoken: float
    silent_steps: int
    spoken_steps: int

    @property
    def ratio(self) -> float:
        """Silent over spoken: 0 rests, 1 does not know silence from speech. nan where speech does not move either."""
        return self.silent / self.spoken if self.spoken > 0 else float("nan")


def silence_motion(
    points: np.ndarray,  # [T,P,D] landmarks or [T] a lip gap; in head space, or head motion counts too
    times: np.ndarray,  # [T] seconds
    silent: Iterable[tuple[float, float]],  # spans, seconds
    margin: float = MARGIN,
) -> SilenceMotion:
    """A step between two frames is silent where both are deeper in a silence than the margin, spoken where both are
    further from every silence than the margin; others are left out. Raises ValueError for shapes that do not fit.
    """
    points, spans = np.asarray(points, np.float64), [Span(*span) for span in silent]
    if points.ndim not in (1, 3) or len(points) != len(times):
        raise ValueError(f"points must be [T] or [T,P,D] with T times, not {points.shape} and {len(times)} times")
    frame_period(times)
    speed = np.diff(points.reshape(len(points), -1, points.shape[-1] if points.ndim == 3 else 1), axis=0)
    energy = (speed**2).sum(axis=2).mean(axis=1) / np.diff(np.asarray(times, np.float64)) ** 2  # [T-1]
    rest, talk = inside(times, spans, margin), ~inside(times, spans, -margin)
    silent_steps, spoken_steps = energy[rest[1:] & rest[:-1]], energy[talk[1:] & talk[:-1]]
    return SilenceMotion(_mean(silent_steps), _mean(spoken_steps), len(silent_steps), len(spoken_steps))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def silent_spans(
    samples: np.ndarray,  # [L] sound, any scale
    rate: int,  # samples a second
    quiet: float = QUIET,  # 0 the floor .. 1 the loud passages
    shortest: float = SHORTEST,  # seconds
) -> list[Span]:
    """Where a sound is quiet for long enough. Nothing but zeros is one silence; a sound that hardly varies has none.
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
        return [Span(0.0, len(samples) / rate)]
    silent = _quiet_hops(_levels(samples[: count * hop].reshape(count, hop)), quiet)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
    spans = [Span(float(start * hop / rate), float(end * hop / rate)) for start, end in edges.reshape(-1, 2)]
    return [span for span in spans if span.end - span.start >= shortest]


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
