# SPDX-License-Identifier: GPL-3.0-or-later
"""What is open: heads, performances and bakes, kept by the file they came from.

The .blend stores paths and hashes; the arrays live here and go when Blender goes. A file is read
again when its size or time changes; one that was refused is not tried again until it changes, so
that scrubbing over a broken file costs nothing.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.formats.bake import BakeReader
from ..core.formats.head import HeadFile, read_head
from ..core.formats.refusal import Refusal
from ..core.performance.condition import Performance, read_performance
from ..core.performance.replay import Replay

MOST_OPEN = 16  # of each kind


@dataclass(frozen=True)
class Head:
    """A loaded head: its file and the replay that moves it."""

    file: HeadFile
    replay: Replay

    @property
    def hash(self) -> str:
        return self.file.card.content_hash

    def __len__(self) -> int:
        return len(self.replay.canonical)


class Shelf:
    """Files of one kind that were read, newest use last."""

    def __init__(self, read: Callable[[str], Any], gone: str) -> None:
        self._read, self._gone = read, gone
        self._open: OrderedDict[str, tuple[tuple, Any]] = OrderedDict()

    def __call__(self, path: str) -> Any:
        """What the file at the absolute `path` holds. Raises Refusal."""
        try:
            state = os.stat(path)
        except OSError:
            raise Refusal(self._gone.format(path)) from None
        stamp = (state.st_size, state.st_mtime_ns)
        known = self._open.get(path)
        if known is None or known[0] != stamp:
            known = self._open[path] = (stamp, self._tried(path))
            while len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(path)
        if isinstance(known[1], Refusal):
            raise known[1]
        return known[1]

    def stamp(self, path: str) -> tuple | None:
        """A value that changes when the file does; None before it was read."""
        known = self._open.get(path)
        return known[0] if known else None

    def clear(self) -> None:
        self._open.clear()

    def _tried(self, path: str) -> Any:
        try:
            return self._read(path)
        except Refusal as refusal:
            return refusal
        except OSError as error:
            return Refusal(f"{path} cannot be read ({error.strerror}); check its permissions.")


def _head(path: str) -> Head:
    file = read_head(path)
    return Head(file, Replay(file))


head: Callable[[str], Head] = Shelf(_head, "{} is gone; press Relink and choose where the head is now.")
performance: Callable[[str], Performance] = Shelf(
    read_performance, "The performance {} is not on this machine; press Attach to listen to the sound again.")
bake: Callable[[str], BakeReader] = Shelf(BakeReader, "The bake {} is gone; bake again or remove it.")


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
    for shelf in (head, performance, bake):
        shelf.clear()
