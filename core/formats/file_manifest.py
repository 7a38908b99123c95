# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a folder are finished, and what they were made of: a text file of lines `key  name`, appended to.

A file is finished when it is there and its last line has the key that is expected. The line is written after the
(atomic) file, so a kill between the two costs one file, never a wrong one. Knows nothing of what the files hold.
"""

import hashlib
from pathlib import Path

from .atomic_write import is_nonempty_file
from .json_codec import to_json

KEY_DIGITS = 20  # hexadecimal: 80 bits, to tell apart, not for secrecy


def content_key(*parts: object) -> str:
    """A key for everything that a file depends on: JSON values and dataclasses, hashed to KEY_DIGITS digits."""
    return hashlib.sha256(to_json(list(parts)).encode()).hexdigest()[:KEY_DIGITS]


class FileManifest:
    """The finished files of one folder. Not for two threads or processes at once."""

    def __init__(self, path: Path) -> None:
        """Read the manifest at `path`, or start one. A last line that a kill cut off is ignored."""
        self.path = path
        self._keys: dict[str, str] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                key, gap, name = line.partition("  ")
                if gap and len(key) == KEY_DIGITS:
                    self._keys[name] = key

    def is_finished(self, file: Path, key: str) -> bool:
        """Whether `file` is there and was made of what `key` stands for."""
        return self._keys.get(file.name) == key and is_nonempty_file(file)

    def add(self, file: Path, key: str) -> None:
        """`file`, a file of the manifest's folder, is finished."""
        self._keys[file.name] = key
        with open(self.path, "a", encoding="utf-8") as manifest:
            manifest.write(f"\n{key}  {file.name}")  # the line break first: a line that a kill cut off stays alone
