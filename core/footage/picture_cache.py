# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoded pictures of the footage, within a limit of memory."""

import threading
from collections import OrderedDict

import numpy as np


class PictureCache:
    """Packed pictures [H,W,5] uint8 by number; the least recently used leave first. Safe to share between threads."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used_bytes = 0
        self._pictures: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, i: int) -> np.ndarray | None:
        """Picture i, or None where it is not cached."""
        with self._lock:
            if i in self._pictures:
                self._pictures.move_to_end(i)
            return self._pictures.get(i)

    def put(self, i: int, packed: np.ndarray) -> None:
        """Keep picture i; one larger than the whole cache is not kept."""
        if packed.nbytes > self.max_bytes:
            return
        with self._lock:
            previous = self._pictures.pop(i, None)  # another thread may have decoded it too
            self.used_bytes += packed.nbytes - (0 if previous is None else previous.nbytes)
            self._pictures[i] = packed
            while self.used_bytes > self.max_bytes:
                self.used_bytes -= self._pictures.popitem(last=False)[1].nbytes
