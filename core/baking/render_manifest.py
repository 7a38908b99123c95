# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pictures of a folder are finished, and of what: a text file of lines `key  name`, only appended to.

A picture is finished when its file is there and its last line carries the key that is asked for.
The line follows the (atomic) picture, so a kill between them costs one picture, never a wrong one.
Knows no picture's content.
"""

import hashlib
from pathlib import Path

from ..formats import to_json

KEY = 20  # hex digits: 80 bits, for telling apart, not for secrecy


def key_of(*parts: object) -> str:
    """A key for everything that a picture depends on: plain values and dataclasses."""
    return hashlib.sha256(to_json(list(parts)).encode()).hexdigest()[:KEY]


class RenderManifest:
    """The ledger of one folder and shot name."""

    def __init__(self, folder: Path, name: str) -> None:
        """Read it, or begin one. A torn last line (a kill while writing) is passed over."""
        self.folder, self.path = folder, folder / f"{name}.rendered.txt"
        self._keys: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                key, gap, file = line.partition("  ")
                if gap and len(key) == KEY:
                    self._keys[file] = key

    def finished(self, path: Path, key: str) -> bool:
        """Whether `path` is there and is what `key` says."""
        return self._keys.get(path.name) == key and path.is_file()

    def note(self, path: Path, key: str) -> None:
        """`path` is finished."""
        self._keys[path.name] = key
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"\n{key}  {path.name}")  # the break first: what a kill tore off stays a line of its own
