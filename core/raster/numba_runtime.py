# SPDX-License-Identifier: GPL-3.0-or-later
"""How the kernels are compiled, cached and called.

numba keys its on-disk cache on one source file, though a kernel inlines functions of others. The cache folder's name
therefore carries a hash of this room's sources: an upgrade never runs an old kernel. It lies in the user's own cache
folder, because an extension's folder may be read-only.
"""

import hashlib
import os
import sys
import tempfile
import threading
from pathlib import Path

import numba

LOCK = threading.RLock()  # numba's workqueue layer aborts the process when two threads enter kernels at once


def kernel_folder() -> Path:
    """Where compiled kernels are kept: NUMBA_CACHE_DIR if set, else the user's cache folder, else a temporary one."""
    if numba.config.CACHE_DIR:
        return Path(numba.config.CACHE_DIR)
    room = Path(__file__).parent
    stamp = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(room.glob("numba_*.py")))).hexdigest()[:12]
    if os.name == "nt":
        caches = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        caches = os.path.expanduser("~/Library/Caches")
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for parent in (caches, tempfile.gettempdir()):
        folder = Path(parent) / "talksplat" / f"kernels-{stamp}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="talksplat-kernels-"))


FOLDER = kernel_folder()


def kernel(**options):
    """`numba.njit` for this room: cached in `FOLDER`, fast float32 arithmetic, no global lock while it runs."""

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
