# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer a file, or a folder: a lock that the system takes back from a process that dies. It knows no format."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from .open_untrusted import open_regular_file
from .user_error import UserError

MARK = "lock"  # the empty file in a folder that is locked for it


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """The only writer in `folder`, which is made where there is none. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).touch()
    except OSError as error:
        raise UserError(f"{folder}: cannot be written to ({error.strerror}); choose another folder.") from error
    file, _ = open_regular_file(folder / MARK, "r+b")
    with file, closing(FileLock(file, folder)):
        yield


class FileLock:
    """Held from creation to `close`. Raises UserError while another writer holds it.

    Elsewhere an advisory lock on the file itself; on Windows a file beside it that vanishes with its
    handle, because a locked byte there would shut readers out.
    """

    def __init__(self, file: BinaryIO, path: Path | str) -> None:
        self._beside = -1
        try:
            if os.name == "nt":
                self._beside = os.open(f"{path}.lock", os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_TEMPORARY)
            else:
                self._flock(file)
        except (BlockingIOError, FileExistsError, PermissionError) as error:
            raise UserError(f"{path}: another process is writing it; wait until it has ended, or cancel it.") from error

    @staticmethod
    def _flock(file: BinaryIO) -> None:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            return  # some network drives have no locks; one writer at a time is then the user's care

    def close(self) -> None:
        """The lock on the file itself goes when the file is closed."""
        if self._beside >= 0:
            os.close(self._beside)
            self._beside = -1
