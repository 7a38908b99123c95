# SPDX-License-Identifier: GPL-3.0-or-later
"""What is open: heads, performances and bakes, kept by the file they came from.

The .blend stores paths and hashes; the arrays live here and go when Blender goes. A file is read
again when its size or time changes; one that was refused is not tried again until it changes, so
that scrubbing over a broken file costs nothing.
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.formats import BakeCard, BakeReader, HeadFile, UserError, read_head
from ..core.performance import Frame, Replay, read_performance

MOST_OPEN = 16  # of each kind


@dataclass(frozen=True)
class OpenHead:
    """A loaded head: its file and the replay that moves it."""

    file: HeadFile
    replay: Replay

    @property
    def hash(self) -> str:
        return self.file.card.content_hash

    def __len__(self) -> int:
        return len(self.replay.canonical)


@dataclass(frozen=True)
class OpenBake:
    """An open bake and the numbers of the frames that are there."""

    reader: BakeReader
    frames: frozenset[int]

    @property
    def card(self) -> BakeCard:
        return self.reader.card

    def frame(self, number: int) -> Frame:
        return Frame(*self.reader.frame(number))

    def close(self) -> None:
        self.reader.close()


class FileCache:
    """Files of one kind that were read, newest use last."""

    def __init__(self, read: Callable[[str], Any], gone: str) -> None:
        self._read, self._gone = read, gone
        self._open: OrderedDict[str, tuple[tuple, Any]] = OrderedDict()

    def __call__(self, path: str) -> Any:
        """What the file at the absolute `path` holds. Raises UserError."""
        try:
            state = os.stat(path)
        except OSError:
            raise UserError(self._gone.format(path)) from None
        stamp = (state.st_size, state.st_mtime_ns)
        known = self._open.get(path)
        if known is None or known[0] != stamp:
            self.close(path)
            known = self._open[path] = (stamp, self._tried(path))
            while len(self._open) > MOST_OPEN:
                self.close(next(iter(self._open)))
        self._open.move_to_end(path)
        if isinstance(known[1], UserError):
            raise known[1]
        return known[1]

    def stamp(self, path: str) -> tuple | None:
        """A value that changes when the file does; None before it was read."""
        known = self._open.get(path)
        return known[0] if known else None

    def known(self, path: str) -> Any:
        """What was read from `path` before, without looking at the disk; None when nothing was."""
        thing = self._open.get(path, (None, None))[1]
        return None if isinstance(thing, UserError) else thing

    def close(self, path: str) -> None:
        """Forget one file, and let go of it where it is held open."""
        _, thing = self._open.pop(path, (None, None))
        if hasattr(thing, "close"):
            thing.close()

    def clear(self) -> None:
        for path in list(self._open):
            self.close(path)

    def _tried(self, path: str) -> Any:
        try:
            return self._read(path)
        except UserError as refusal:
            return refusal
        except OSError as error:
            return UserError(f"{path} cannot be read ({error.strerror}); check its permissions.")


def _head(path: str) -> OpenHead:
    file = read_head(path)
    return OpenHead(file, Replay(file))


def _bake(path: str) -> OpenBake:
    reader = BakeReader.open(path)
    return OpenBake(reader, frozenset(reader.frames))


head = FileCache(_head, "{} is gone; press Relink and choose where the head is now.")
performance = FileCache(read_performance, "The performance {} is not on this machine; press Attach to listen again.")
bake = FileCache(_bake, "The bake {} is gone; bake again or remove it.")


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


digest = FileCache(_digest, "{} is gone; mend the strip's sound file.")  # sha256 of a sound file's bytes


def absolute(path: str) -> str:
    """A property's path (`//` is the .blend's folder) as an absolute one."""
    return os.path.normpath(bpy.path.abspath(path)) if path else ""


def storable(path: str, start: str | None = None) -> str:
    """A path as the .blend should keep it: relative to it where that is possible.

    start: the folder of the .blend that is being written; None: of the one that is open.
    """
    if start is None and not bpy.data.filepath:
        return str(Path(path).absolute())
    try:
        return bpy.path.relpath(path, start=start)
    except ValueError:  # another drive
        return path


def clear() -> None:
    """Forget all that is open."""
    for shelf in (head, performance, bake, digest):
        shelf.clear()
