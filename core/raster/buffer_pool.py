# SPDX-License-Identifier: GPL-3.0-or-later
"""Big buffers that are used again: the system hands out fresh pages at a price of a third of a forward pass."""

import threading

import numpy as np

from .rendering import Rendering


class BufferPool:
    """Buffers are taken and put back, by any thread."""

    def __init__(self, kept: int) -> None:
        """kept: most buffers that lie ready; beyond them the oldest are dropped."""
        self.free: list[np.ndarray] = []
        self._kept, self._lock = kept, threading.Lock()

    def take(self, *shape: int, dtype: type = np.float32) -> np.ndarray:
        """An uninitialised array on the smallest free buffer that holds it, else on a new one."""
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        with self._lock:
            fitting = [k for k, buffer in enumerate(self.free) if size <= buffer.size <= 4 * size + 65536]
            if fitting:
                buffer = self.free.pop(min(fitting, key=lambda k: self.free[k].size))
            else:
                buffer = np.empty(size + size // 8, np.uint8)
        return buffer[:size].view(dtype).reshape(shape)

    def put(self, *arrays: np.ndarray) -> None:
        """Give back arrays of `take`, or views of them; nobody may use them any more. Others are left alone."""
        roots = {id(root): root for root in map(_root, arrays) if root.dtype == np.uint8}
        with self._lock:
            self.free += roots.values()
            del self.free[: -self._kept]


def _root(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


BUFFERS = BufferPool(8)  # of the kernels; a forward pass needs four
PICTURES = BufferPool(24)  # of renderings, five each: those that wait to be written, and the one that is drawn


def give_back(picture: Rendering) -> None:
    """A rendering of numpy arrays that nobody needs any more: its arrays are used for the next ones."""
    arrays = picture.color, picture.alpha, picture.depth_expected, picture.depth_median, picture.extra
    PICTURES.put(*(array for array in arrays if isinstance(array, np.ndarray)))


def give_back_channels(picture: Rendering) -> None:
    """Those of a rendering of numpy arrays that has none but the depth, which is divided already."""
    if isinstance(picture.extra, np.ndarray) and picture.extra.size == 0:
        PICTURES.put(picture.extra)
        picture.extra = None
