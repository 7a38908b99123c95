# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a folder are finished, and what they were made of: a text file of lines `key:size  name`, appended to.

A file is finished when it has the size and the key of its last line. The line is written after the (atomic) file has
reached the disk, so a kill or a power cut between the two costs one file, never a wrong one. Lines of 0.1.0 have no
size: those files are made once more. Knows nothing of what the files hold.
"""

import hashlib
import os
from pathlib import Path

from .atomic_write import remove_leftovers
from .json_codec import to_json
from .named_errors import name_errors

KEY_DIGITS = 20  # hexadecimal: 80 bits, to tell apart, not for secrecy


def content_key(*parts: object) -> str:
    """A key for everything that a file depends on: JSON values and dataclasses, hashed to KEY_DIGITS digits."""
    return hashlib.sha256(to_json(list(parts)).encode()).hexdigest()[:KEY_DIGITS]


class FileManifest:
    """The finished files of one folder. Not for two threads or processes at once."""

    def __init__(self, path: Path) -> None:
        """Read the manifest at `path`, or start one. A last line that a kill cut off is ignored.

        NAME.rendered.txt is of the files NAME.*: what killed runs left of them is removed. Raises OSError.
        """
        self.path = path
        self._marks: dict[str, str] = {}  # name, with the folders below this one -> key:size
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, path.name.rsplit(".", 2)[0])
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                mark, gap, name = line.partition("  ")
                if gap and len(mark.partition(":")[0]) == KEY_DIGITS:
                    self._marks[name] = mark

    def is_finished(self, file: Path, key: str) -> bool:
        """Whether `file` is there, complete, and made of what `key` stands for."""
        return file.is_file() and self._marks.get(self._name(file)) == f"{key}:{file.stat().st_size}"

    def key_of(self, file: Path) -> str:
        """What `file` was made of when it was finished, whatever has become of it; "" where it never was."""
        return self._marks.get(self._name(file), "").partition(":")[0]

    def add(self, file: Path, key: str) -> None:
        """`file`, in the manifest's folder or below, is finished. Raises OSError."""
        with name_errors(file), open(file, "r+b") as finished:
            os.fsync(finished.fileno())
            mark = f"{key}:{os.fstat(finished.fileno()).st_size}"
        with name_errors(self.path), open(self.path, "a", encoding="utf-8") as manifest:
            manifest.write(f"\n{mark}  {self._name(file)}")  # the line break first: one that a kill cut off stays alone
        self._marks[self._name(file)] = mark

    def _name(self, file: Path) -> str:
        return file.relative_to(self.path.parent).as_posix()
