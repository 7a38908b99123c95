# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of an export before it is written: where it goes, what it is made of, and how it is made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ShotFile:
    """A file to write. It is written again when `content` changes."""

    path: Path
    content: tuple  # everything that the file depends on, JSON values and dataclasses
    frames: int  # steps that writing it takes
    write: Callable[[], Iterator[int]]  # writes it atomically; yields each frame's number when it is in the file
