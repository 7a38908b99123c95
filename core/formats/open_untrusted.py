# SPDX-License-Identifier: GPL-3.0-or-later
"""How every reader opens a file: an error of the system becomes a UserError that names the file."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from .user_error import UserError


@contextmanager
def open_untrusted(path: Path | str) -> Iterator[tuple[BinaryIO, int]]:
    """Yield (binary file, its size in bytes) for reading. Raises UserError for anything but a regular file with content
    that can be opened, and for whatever the body raises (`translate_read_errors`)."""
    file, size = open_regular_file(path)
    with file, translate_read_errors(path):
        yield file, size


@contextmanager
def translate_read_errors(path: Path | str) -> Iterator[None]:
    """The door of a reader: whatever the body raises about the file becomes a UserError that names it.

    The words of a library are left out (numpy's advice to load pickles); the error itself is the cause of ours.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:  # such as a network drive that went away
        raise UserError(f"{path}: reading failed ({error.strerror or error}); check the drive.") from error
    except MemoryError as error:
        raise UserError(f"{path}: is too large for this machine's memory; use a machine with more.") from error
    except Exception as error:
        raise UserError(
            f"{path}: cannot be read, for it is damaged or of another kind; copy it again or recreate it."
        ) from error


def open_regular_file(path: Path | str, mode: Literal["rb", "r+b"] = "rb") -> tuple[BinaryIO, int]:
    """(binary file, its size in bytes), which the caller closes; unbuffered where `mode` allows writing.

    Raises UserError for anything but a regular file with content that can be opened.
    """
    try:
        status = Path(path).stat()  # before open(): opening a pipe would wait for ever
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{path}: is not a file; give the path of the file itself.")
        if not status.st_size:
            raise UserError(f"{path}: is empty; copy it again or recreate it.")
        return open(path, mode, buffering=0 if "+" in mode else -1), status.st_size
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; check the path.") from error
    except UserError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the path
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be opened ({reason}); check the path and its permissions.") from error


def read_exactly(file: BinaryIO, count: int, source: Path | str) -> bytes:
    """`count` bytes, checked by the caller against the file's real size. Raises UserError when it ends sooner."""
    data = file.read(count)
    if len(data) != count:
        raise UserError(f"{source}: is cut short; copy it again or recreate it.")
    return data
