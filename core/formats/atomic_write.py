# SPDX-License-Identifier: GPL-3.0-or-later
"""Write to a temporary file, then rename: a reader sees the old file or the complete new one, never a part."""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .named_errors import name_errors
from .replace_file import replace_file

# mkstemp makes private files; a shot folder is shared with other people and render farms. The process's umask can only
# be read by setting it, which is not safe while other threads run: once, on import.
_UMASK = os.umask(0o022)
os.umask(_UMASK)
FILE_MODE = 0o666 & ~_UMASK
HAS_LOCKS = os.name != "nt"  # Windows renames no open file, so none can be locked there while it is written
LEFTOVER_AGE = 3600.0  # seconds: without locks, a temporary file that has not grown for so long is one
STEM_LETTERS = 48  # of the temporary name: a name as long as the system allows leaves no room for more


def is_nonempty_file(path: Path) -> bool:
    """Whether `path` is a file with content: a crash of the machine can leave an empty one."""
    return path.is_file() and path.stat().st_size > 0


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which is made if missing; on a clean exit it is renamed to `path`.

    The temporary name keeps the suffix (encoders choose the format by it) and is locked while it is written, so that
    `remove_leftovers` can tell it from one that a kill left. When the body raises, the temporary file is removed and
    `path` stays as it was. Raises OSError, which names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = _locked_temporary(path)
    try:
        with name_errors(path, temporary):
            yield temporary
            temporary.chmod(FILE_MODE)
            replace_file(temporary, path)
    finally:
        with suppress(
            PermissionError
        ):  # Windows, where it is open elsewhere: what went wrong before is the error to tell
            temporary.unlink(missing_ok=True)
        if handle >= 0:
            os.close(handle)


def check_writable(path: Path | str) -> None:
    """Ask before long work whether `atomic_write` could write to `path`; a missing folder is made, all else stays as it
    is. Raises OSError, which names `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = _locked_temporary(path)
    temporary.unlink()
    if handle >= 0:
        os.close(handle)


def remove_leftovers(folder: Path, stem: str) -> None:
    """Remove what killed runs left of `atomic_write` in `folder` for STEM.SUFFIX, STEM.NUMBER.SUFFIX and the like
    (STEM_NUMBER); what is being written by anybody stays. Raises OSError."""
    # What mkstemp puts between stem and suffix is eight of these letters.
    name = re.compile(rf"\.{re.escape(stem[:STEM_LETTERS])}([._-]?-?\d*)?\.[a-z0-9_]{{8}}\.\w+")
    for path in folder.glob(".*"):
        if name.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            _remove_unless_written(path)


def _locked_temporary(path: Path) -> tuple[int, Path]:
    """A new file and its locked handle; -1 where there are no locks."""
    while True:
        try:
            prefix = f".{path.stem[:STEM_LETTERS]}."
            handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        if not HAS_LOCKS:
            os.close(handle)
            return -1, Path(name)
        _lock(handle)
        if os.path.exists(name):
            return handle, Path(name)
        os.close(handle)  # another run took it for a leftover before it was locked


def _lock(handle: int) -> bool:
    """Whether the file could be locked, without waiting. False as well where the file system has no locks."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # taken, or a network drive without locks
        return False
    return True


def _remove_unless_written(path: Path) -> None:
    if not HAS_LOCKS:
        if path.stat().st_mtime < time.time() - LEFTOVER_AGE:
            with suppress(PermissionError):  # open elsewhere: no leftover
                path.unlink()
        return
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if _lock(handle):
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)
