# SPDX-License-Identifier: GPL-3.0-or-later
"""The door through which every reader takes a file: what the system refuses becomes a UserError."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .user_error import UserError


@contextmanager
def open_untrusted(path: Path | str) -> Iterator[tuple[BinaryIO, int]]:
    """Yield (file, its size in bytes), for reading. Raises UserError for anything but a readable plain file."""
    file, size = open_regular_file(path)
    with file:
        try:
            yield file, size
        except OSError as error:  # a network drive that went away while we read
            raise UserError(f"{path}: reading failed ({error.strerror or error}); check the drive.") from error
        except MemoryError as error:
            raise UserError(f"{path}: too large for this machine's memory ({size} bytes).") from error


def open_regular_file(path: Path | str, mode: str = "rb") -> tuple[BinaryIO, int]:
    """As `opened`, for a file that stays open; the caller closes it. Unbuffered when written to."""
    try:
        found = Path(path).stat()  # before open(): opening a pipe would wait for ever
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{path}: is not a file; name the file itself.")
        return open(path, mode, buffering=0 if "+" in mode else -1), found.st_size
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the path
        raise UserError(f"{path}: cannot be opened ({getattr(error, 'strerror', None) or error}).") from error


def read_exactly(file: BinaryIO, count: int, source: Path | str) -> bytes:
    """`count` bytes, or a UserError; the caller has checked `count` against the file's real size."""
    data = file.read(count)
    if len(data) != count:
        raise UserError(f"{source}: ends too early; it is cut short, copy or make it again.")
    return data
