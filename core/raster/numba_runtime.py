# SPDX-License-Identifier: GPL-3.0-or-later
"""How the kernels are compiled, cached and called.

numba keys its on-disk cache on one source file, though a kernel inlines functions of others. The cache folder's name
therefore carries a hash of this package's sources: an upgrade never runs an old kernel. It is in the user's own cache
folder, because an extension's folder may be read-only.
"""

import hashlib
import os
import sys
import tempfile
import threading
from pathlib import Path

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

LOCK = threading.RLock()  # numba's workqueue layer aborts the process when two threads enter kernels at once


def user_cache_folder() -> str:
    """Where this system keeps caches; "" where Windows names none."""
    if os.name == "nt":
        return os.environ.get("LOCALAPPDATA", "")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches")
    return os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")


def kernel_folder() -> Path:
    """Where compiled kernels are kept: NUMBA_CACHE_DIR if set, else the user's cache folder, else a temporary one."""
    if numba.config.CACHE_DIR:
        return Path(numba.config.CACHE_DIR)
    package = Path(__file__).parent
    sources = [*sorted(package.glob("numba_*.py")), package / "constants.py"]
    stamp = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    for parent in (user_cache_folder(), tempfile.gettempdir()):
        folder = Path(parent) / "talksplat" / f"kernels-{stamp}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:  # read-only: the next
            continue
    return Path(tempfile.mkdtemp(prefix="talksplat-kernels-"))


FOLDER = kernel_folder()


def kernel(**options):
    """`numba.njit` for this package: cached in `FOLDER`, fast float32 arithmetic, no global lock while it runs."""

    def compiled(function):
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(FOLDER)
        try:
            return numba.njit(**{"cache": True, "fastmath": True, "nogil": True, "error_model": "numpy"} | options)(
                function
            )
        finally:
            numba.config.CACHE_DIR = before

    return compiled


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
