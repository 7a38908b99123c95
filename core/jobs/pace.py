# SPDX-License-Identifier: GPL-3.0-or-later
"""The remaining time of a job: step counts and a clock -> Progress events. Knows no job."""

import math
import time
from collections.abc import Callable

from .events import Progress

MEMORY = 20.0  # seconds; not in the paper: chosen because it outlives one slow step and notices a faster stage
LONGEST = 3e7  # seconds, about a year: a longer estimate only says that nothing moves


class Pace:
    """The rate of steps, smoothed exponentially over about MEMORY seconds.

    steps and seconds decay alike, so that their quotient needs no warm-up correction:
        S <- S e^(-dt/MEMORY) + steps,  T <- T e^(-dt/MEMORY) + dt,  rate = S/T
    """

    def __init__(self, total: int, done: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        """total: steps, 0 when unknown. done: steps that were finished before (a resumed job); they took no time."""
        self.total, self.done = total, done
        self._clock, self._last = clock, clock()
        self._steps = self._seconds = 0.0

    @property
    def rate(self) -> float:
        """Steps a second, 0 while unknown."""
        return self._steps / self._seconds if self._seconds > 0 else 0.0

    def at(self, done: int, note: str = "") -> Progress:
        """The event for `done` finished steps. Raises ValueError when `done` decreases."""
        if done < self.done:
            raise ValueError(f"progress went back from {self.done} to {done}")
        now = self._clock()
        passed = max(now - self._last, 0.0)
        decay = math.exp(-passed / MEMORY)
        self._steps = self._steps * decay + (done - self.done)
        self._seconds = self._seconds * decay + passed
        self._last, self.done = now, done
        return Progress(done, self.total, self._remaining(), note)

    def _remaining(self) -> float:
        if not self.total:
            return -1.0
        if self.done >= self.total:
            return 0.0
        rate = self.rate
        return (self.total - self.done) / rate if rate * LONGEST > self.total else -1.0
