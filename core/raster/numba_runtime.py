# SPDX-License-Identifier: GPL-3.0-or-later
"""How the kernels are compiled and called. Where they are kept: core/compiling."""

import threading

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
