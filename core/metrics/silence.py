# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the mouth rest when nobody speaks? Motion energy in silent spans against that in spoken ones.

A check of talksplat's own, not in the paper: picture metrics hardly see a mouth that trembles in silence.

Letters: T frames, P points, D dimensions.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .spans import Span, frame_period, inside

MARGIN = 0.12  # seconds at a silence's ends; not in the paper: chosen because lips start before the sound does


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
