# SPDX-License-Identifier: GPL-3.0-or-later
"""How the kernels are compiled and called. Where they are kept: core/compiling."""

import threading

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from ..compiling import cached_njit

LOCK = threading.RLock()  # numba's workqueue layer aborts the process when two threads enter kernels at once


def kernel(**options):
    """`cached_njit` as this package has it: fast float32 arithmetic, no global lock while it runs."""
    return cached_njit(**{"fastmath": True, "nogil": True, "error_model": "numpy"} | options)


@intrinsic
def claim(_typing_context, counter):
    """counter[0]++ of an int64 [1], atomically; the value before. Workers fetch tiles and chunks with it, so that a
    core that is busy elsewhere holds nobody up. Who computes what never changes a result."""

    def code(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, context.get_constant(types.int64, 1), "monotonic")

    return types.int64(types.Array(types.int64, 1, "C")), code


class BufferPool:
    """Big buffers put back after use: the system hands out fresh pages at a price of a third of a forward pass."""

    KEPT = 8  # buffers; one forward pass needs four

    def __init__(self) -> None:
        self.free: list[np.ndarray] = []

    def take(self, *shape: int, dtype: type = np.float32) -> np.ndarray:
        """An uninitialised array on the smallest free buffer that holds it, else on a new one."""
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        with LOCK:
            fitting = [k for k, buffer in enumerate(self.free) if size <= buffer.size <= 4 * size + 65536]
            if fitting:
                buffer = self.free.pop(min(fitting, key=lambda k: self.free[k].size))
            else:
                buffer = np.empty(size + size // 8, np.uint8)
        return buffer[:size].view(dtype).reshape(shape)

    def put(self, *arrays: np.ndarray) -> None:
        """Give back arrays of `take`; nobody may use them any more. Beyond KEPT the oldest are dropped."""
        with LOCK:
            for array in arrays:
                while isinstance(array.base, np.ndarray):
                    array = array.base
                self.free.append(array)
            del self.free[: -self.KEPT]


BUFFERS = BufferPool()
