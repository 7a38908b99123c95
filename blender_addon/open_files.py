# SPDX-License-Identifier: GPL-3.0-or-later
"""Open files: heads, performances and bakes, cached by their path. Used as `open_files.head(path)`.

The .blend stores paths and hashes; the arrays are here and go when Blender goes. A file is read again when its size or
time changes; one that could not be read is not tried again until it changes, so that scrubbing over a broken file
costs nothing.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import bpy

from ..core.formats import BakeCard, BakeReader, HeadFile, UserError, format_frames, read_head
from ..core.performance import Frame, HeadReplay, Performance, Replay, RigReplay, read_performance

MAX_LISTED = 60  # characters of a list of frames
MAX_OPEN = 16  # of each kind
T = TypeVar("T")


@dataclass(frozen=True)
class OpenHead:
    """A loaded head: its file and what moves it."""

    file: HeadFile
    posing: HeadReplay
    rig_problem: str = ""  # why the rig in the file cannot be used; the head is whole without it

    @property
    def replay(self) -> Replay:
        """The head's networks."""
        return self.posing.replay

    @property
    def rig(self) -> RigReplay | None:
        """None: the head has no rig."""
        return self.posing.rig

    @property
    def hash(self) -> str:
        """Content hash of the head."""
        return self.file.card.content_hash

    def at_rest(self) -> Frame:
        """The Gaussians in silence; the canonical ones of a head whose silence is unknown here."""
        return self.posing.at_rest()

    def __len__(self) -> int:
        """The number of Gaussians."""
        return len(self.replay.canonical)


@dataclass(frozen=True)
class OpenBake:
    """An open bake and the numbers of the frames that are stored."""

    reader: BakeReader
    frames: frozenset[int]
    missing: str = ""  # the other frames of its shot, "25-36,40"

    @property
    def card(self) -> BakeCard:
        """What the bake says about itself."""
        return self.reader.card

    def frame(self, number: int) -> Frame:
        """The Gaussians of a stored frame. Raises UserError."""
        return Frame(*self.reader.frame(number))


@dataclass(frozen=True)
class _Entry(Generic[T]):
    stamp: tuple[int, int]  # size and time of the file that was read
    content: T | UserError


class FileCache(Generic[T]):
    """Files of one kind that were read, the most recently used last."""

    def __init__(self, read: Callable[[str], T], missing: str, close: Callable[[T], None] | None = None) -> None:
        """missing: the sentence for a file that is not there, {} its path. close: releases what `read` gave."""
        self._read, self._missing, self._close = read, missing, close
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()

    def __call__(self, path: str) -> T:
        """What the file at the absolute `path` holds. Raises UserError."""
        try:
            state = os.stat(path)
        except (OSError, ValueError):
            raise UserError(self._missing.format(path)) from None
        stamp = (state.st_size, state.st_mtime_ns)
        entry = self._entries.get(path)
        if entry is None or entry.stamp != stamp:
            self.close(path)
            entry = self._entries[path] = _Entry(stamp, self._try_to_read(path))
            while len(self._entries) > MAX_OPEN:
                self.close(next(iter(self._entries)))
        self._entries.move_to_end(path)
        if isinstance(entry.content, UserError):
            raise entry.content
        return entry.content

    def stamp(self, path: str) -> tuple[int, int] | None:
        """A value that changes when the file does; None before it was read."""
        entry = self._entries.get(path)
        return entry.stamp if entry else None

    def cached(self, path: str) -> T | None:
        """What was read from `path` before, without looking at the disk; None when nothing was."""
        entry = self._entries.get(path)
        return None if entry is None or isinstance(entry.content, UserError) else entry.content

    def close(self, path: str) -> None:
        """Forget one file, and release it where it is held open."""
        entry = self._entries.pop(path, None)
        if entry is not None and self._close is not None and not isinstance(entry.content, UserError):
            self._close(entry.content)

    def clear(self) -> None:
        """Forget every file."""
        for path in list(self._entries):
            self.close(path)

    def _try_to_read(self, path: str) -> T | UserError:
        try:
            return self._read(path)
        except UserError as error:
            return error
        except OSError as error:
            return UserError(f"{path} cannot be read ({error.strerror or error}); check its permissions.")


def _read_head(path: str) -> OpenHead:
    file = read_head(path)
    try:
        return OpenHead(file, HeadReplay(file))
    except UserError as error:
        if not file.rig_card:
            raise
        return OpenHead(file, HeadReplay(replace(file, rig_card="")), str(error))


def _read_bake(path: str) -> OpenBake:
    reader = BakeReader.open(path)
    frames = frozenset(reader.frames)
    return OpenBake(reader, frames, list_missing(reader.card.span, frames))


def list_missing(shot: range, frames: frozenset[int]) -> str:
    """The frames of the shot that are not there, "25-36,40"; where that is long, the first and the last."""
    missing = [number for number in shot if number not in frames]
    text = format_frames(missing) if missing else ""
    return text if len(text) < MAX_LISTED else f"{len(missing)} between {missing[0]} and {missing[-1]}"


head: FileCache[OpenHead] = FileCache(
    _read_head, "The head {} is missing; press Relink Head and choose where it is now."
)
performance: FileCache[Performance] = FileCache(
    read_performance, "The performance {} is missing on this machine; press Attach to make it again."
)
bake: FileCache[OpenBake] = FileCache(
    _read_bake,
    "The bake {} is missing; press Relink Bake and choose where it is now, or remove it.",
    lambda opened: opened.reader.close(),
)


def absolute(path: str) -> str:
    """A property's path (`//` is the .blend's folder) as an absolute one; "" stays "" (no file)."""
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
    for cache in (head, performance, bake):
        cache.clear()
