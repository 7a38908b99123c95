# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures from disk with a bounded cache, and a thread that makes the next views while a step computes.

What step t sees is a pure function of t, so reading ahead changes nothing but the time it takes.
Knows no losses. Letters: t picture step.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

from ..footage import Footage
from .training_settings import TrainingSettings

MAX_SHRINK = 16

Item = TypeVar("Item")


def open_footage(folder: Path, settings: TrainingSettings) -> tuple[Footage, Footage]:
    """(full size, shrunk to about `settings.height` pixels); both caches together hold at most `cache_mb`, as many
    pictures each. One footage twice where pictures are small already. Raises UserError."""
    capacity = settings.cache_mb << 20
    full = Footage.open(folder, cache_bytes=capacity)
    shrink = max(
        s
        for s in range(1, MAX_SHRINK + 1)
        if full.height % s == 0 and full.width % s == 0 and (s == 1 or full.height // s >= settings.height)
    )
    if shrink == 1:
        return full, full
    small = capacity // (shrink**2 + 1)
    return Footage.open(folder, cache_bytes=capacity - small), Footage.open(folder, shrink, cache_bytes=small)


class ReadAhead(Generic[Item]):
    """`at(t)` is make(t); the next `count` are made by one thread meanwhile. `make` must be pure and free of numba."""

    def __init__(self, make: Callable[[int], Item], count: int, end: int) -> None:
        self.make, self.count, self.end = make, count, end
        self._waiting: dict[int, Future[Item]] = {}
        self._thread = ThreadPoolExecutor(1, "pictures") if count else None

    def at(self, t: int) -> Item:
        """make(t). Raises what `make` raises."""
        if self._thread is None:
            return self.make(t)
        last = min(t + self.count, self.end - 1)
        for k in [k for k in self._waiting if not t <= k <= last]:
            self._waiting.pop(k).cancel()
        for k in range(t, last + 1):
            if k not in self._waiting:
                self._waiting[k] = self._thread.submit(self.make, k)
        return self._waiting.pop(t).result()

    def close(self) -> None:
        """End the thread and drop `make`, whose owner often owns this: gigabytes of pictures must not wait for the
        garbage collector. `at` does not work afterwards."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()
        del self.make
