# SPDX-License-Identifier: GPL-3.0-or-later
"""A file as FFmpeg's libraries may read it: a seek to where a broken header points is an answer, not an exception."""

from typing import BinaryIO

SEEK_FAILED = -1


class SeekableFile:
    """PyAV prints the traceback of whatever `seek` throws, and goes on; here it fails in silence, as in C."""

    def __init__(self, file: BinaryIO) -> None:
        self.name = getattr(file, "name", "")
        self._file = file
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new position, or SEEK_FAILED."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):  # before the start; beyond what the system can count
            return SEEK_FAILED
