# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures from disk with a cache that has an end, and a thread that makes the next views while a step computes.

What step t looks at is a pure function of t, so reading ahead changes nothing but the time it takes.
Knows no losses. Letters: s how many times smaller whole pictures are.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

from ..footage import Footage
from .training_settings import TrainingSettings

Made = TypeVar("Made")


def open_footage(folder: Path, settings: TrainingSettings) -> tuple[Footage, Footage]:
    """(full size, made about `settings.height` small); both caches together hold at most `cache_mb`, as many pictures
    each. One footage twice where pictures are small already. Raises Refusal."""
    room = settings.cache_mb << 20
    full = Footage.open(folder, cache_bytes=room)
    shrink = max(
        s
        for s in range(1, 17)
        if full.height % s == 0 and full.width % s == 0 and (s == 1 or full.height // s >= settings.height)
    )
    if shrink == 1:
        return full, full
    small = room // (shrink**2 + 1)
    return Footage.open(folder, cache_bytes=room - small), Footage.open(folder, shrink, cache_bytes=small)


class ReadAhead(Generic[Made]):
    """`at(t)` is make(t); the next `count` are made by one thread meanwhile. `make` must be pure and free of numba."""

    def __init__(self, make: Callable[[int], Made], count: int, end: int) -> None:
        self.make, self.count, self.end = make, count, end
        self._waiting: dict[int, Future[Made]] = {}
        self._thread = ThreadPoolExecutor(1, "pictures") if count else None

    def at(self, t: int) -> Made:
        """Raises what `make` raises."""
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
        """End the thread and let go of `make`, whose owner often owns this: gigabytes of pictures shall not wait for
        the garbage collector. `at` works no more."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()
        del self.make
