# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer per file or folder: a lock that the system releases when the process dies. Knows no format."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from .user_error import UserError

LOCK_NAME = "lock"  # an empty file in the folder; it is what gets locked


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Be the only writer in `folder`, which is made if missing. Raises UserError while another process is."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / LOCK_NAME, "ab")
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written to ({error.strerror or error}); choose another folder."
        ) from error
    with file, closing(FileLock(file, folder)):
        yield


class FileLock:
    """Held from creation to `close`. Raises UserError while another writer holds it.

    On POSIX an advisory lock on the file itself; on Windows a second file, PATH.lock, that is deleted with its
    handle, because a locked byte range would block readers.
    """

    def __init__(self, file: BinaryIO, path: Path | str) -> None:
        self._windows_lock = -1
        try:
            if os.name == "nt":
                self._windows_lock = _new_lock_file(f"{path}.lock")
            else:
                self._flock(file)
        except (BlockingIOError, FileExistsError) as error:
            raise UserError(f"{path}: another process is writing to it; wait until it ends, or cancel it.") from error

    @staticmethod
    def _flock(file: BinaryIO) -> None:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            return  # some network drives have no locks; one writer at a time is then up to the user

    def close(self) -> None:
        """Release it. On POSIX the lock is released when the file itself is closed."""
        if self._windows_lock >= 0:
            os.close(self._windows_lock)
            self._windows_lock = -1


def _new_lock_file(path: str) -> int:
    """The handle of a file that goes with it. Raises FileExistsError while there is one, UserError where none can be
    made. Windows denies access to both: to a name whose file is about to go, and to a folder that is read-only."""
    try:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_TEMPORARY", 0))
    except PermissionError as error:
        if os.path.lexists(path):
            raise FileExistsError(error.errno, error.strerror, path) from error
        folder = os.path.dirname(path) or "."
        raise UserError(f"{folder}: cannot be written to ({error.strerror}); choose another folder.") from error
