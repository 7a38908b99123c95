# SPDX-License-Identifier: GPL-3.0-or-later
"""`numba.njit` whose compiled kernels are kept between processes. numba is imported when a kernel is defined.

numba keys its cache on one source file, though a kernel inlines functions of others. The folder's name therefore
carries a hash of the sources beside the kernel: an upgrade never runs an old one.
"""

import hashlib
import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from .kernel_folder import kernel_folder

NOT_KEPT = (
    "compiled kernels are not kept, because no cache folder belongs to this user alone; every start takes some seconds "
    "longer. Give the environment variable NUMBA_CACHE_DIR a folder of your own with mode 0700."
)


def cached_njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: `numba.njit(**options)`, kept in the private folder, compiled in memory where there is none."""
    import numba

    def compiled(function: Callable[..., Any]) -> Any:
        folder = kernel_folder()
        if folder is None:
            _warn_that_nothing_is_kept()
            return numba.njit(**options)(function)
        sources = Path(function.__code__.co_filename).parent
        with _cache_folder(folder / f"{sources.name}-{_stamp(sources)}"):
            return numba.njit(cache=True, **options)(function)

    return compiled


def kernels_are_kept(sources: Path) -> bool:
    """Whether kernels of the Python files in the folder `sources` were compiled before and need only be loaded."""
    folder = kernel_folder()
    return folder is not None and any((folder / f"{sources.name}-{_stamp(sources)}").rglob("*.nbi"))


@contextmanager
def _cache_folder(folder: Path) -> Iterator[None]:
    """numba looks at its setting when a kernel is defined."""
    config = _settings()
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _settings() -> Any:  # a module whose names are made while it runs
    from numba import config

    return config


@cache
def _stamp(sources: Path) -> str:
    """Of the Python files in a folder."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources.glob("*.py")))).hexdigest()[:12]


@cache
def _warn_that_nothing_is_kept() -> None:
    """Once, and not once more in every process of a pool."""
    if multiprocessing.parent_process() is None:
        warnings.warn(NOT_KEPT, RuntimeWarning, stacklevel=2)
