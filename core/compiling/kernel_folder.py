# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder for compiled kernels, refused unless it is ours alone.

numba loads a kernel from its cache with pickle: whoever can write there runs code as us. Therefore: a real directory of
our own user, without any right for group and others, in a place where nobody else could exchange it for another.
"""

import os
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path

WRITE, ANY = stat.S_IWGRP | stat.S_IWOTH, stat.S_IRWXG | stat.S_IRWXO  # rights of group and others


def kernel_folder() -> Path | None:
    """A folder that is private, writable and there, or None. Where the environment variable NUMBA_CACHE_DIR names one,
    that one or none; else one in the user's cache folder, or in the temporary folder."""
    return _checked_folder(os.environ.get("NUMBA_CACHE_DIR", ""), tuple(_default_folders()))


@cache
def _checked_folder(named: str, defaults: tuple[Path, ...]) -> Path | None:
    if named:
        return Path(named) if _make_private(Path(named), WRITE) else None
    return next((folder for folder in defaults if _make_private(folder, ANY)), None)


def _default_folders() -> list[Path]:
    """Candidates, the best first. On Windows there is no other: its temporary folder may be a shared one."""
    if os.name == "nt":
        parents = [os.environ.get("LOCALAPPDATA", "")]
    elif sys.platform == "darwin":
        parents = [os.path.expanduser("~/Library/Caches"), tempfile.gettempdir()]
    else:
        parents = [os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), tempfile.gettempdir()]
    name = "talksplat-kernels" if os.name == "nt" else f"talksplat-kernels-{os.geteuid()}"
    return [Path(parent) / name for parent in parents if os.path.isabs(parent)]


def _make_private(folder: Path, denied: int) -> bool:
    """Make the folder where it is missing; whether it is private and can be written to. denied: as `is_private`."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        if not is_private(folder, denied):
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:  # read-only, or no folder: not this one
        return False


def is_private(folder: Path, denied: int) -> bool:
    """Whether nobody but us (and the administrator) can change or exchange the folder. Raises OSError.

    denied: mode bits that it must not have; ANY for a folder that we made, WRITE for one that the user did.
    Windows has neither owners nor modes in this form: there a real directory is taken, the user's profile guards it.
    """
    state = os.lstat(folder)
    if not stat.S_ISDIR(state.st_mode):  # a link too, wherever it leads
        return False
    if os.name == "nt":
        return True
    around = os.stat(folder.parent)
    only_ours = state.st_uid == os.geteuid() and not state.st_mode & denied
    exchangeable = around.st_mode & WRITE and not around.st_mode & stat.S_ISVTX
    return only_ours and around.st_uid in (0, os.geteuid()) and not exchangeable
