# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake on disk: a shot's frames, evaluated and stored. It does not know how a frame is made.

    MAGIC, then records (records.py):
    CARD   the card, JSON
    BASE   the canonical Gaussians, the branch of each (uint8) and their space order (int64), as safetensors
    FRAM   one a frame, in the order in which they were baked; number = the frame; bytes: deltas.py
    DONE   the manifest, JSON: {"frames", "error": {...}, "sha256" of all bytes before it}

A file has its card and base or does not exist. Frames are appended one by one; after a kill the
writer cuts off the torn tail and says which frames are there. Nothing in the file depends on the
clock or the machine, so that a resumed bake has the same bytes as an unbroken one.
"""

import hashlib
import io
import os
import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .bake_header import DONE, FRAME, SHOT_FIELDS, BakeCard, BakeHeader, BakeManifest, create_bake
from .deltas import DecodeError, FrameErrors, Moved, decode, encode, errors_of
from .file_lock import FileLock
from .gaussians import COLUMNS, Gaussians
from .json_codec import to_json
from .open_untrusted import open_regular_file, open_untrusted
from .records import HEAD_BYTES, CorruptRecordError, Record, framed, payload_of
from .user_error import UserError

__all__ = ["BakeCard", "BakeManifest", "BakeReader", "BakeWriter"]


class BakeReader:
    """Any frame of a bake in any order, from any thread. Close it: an open file cannot be replaced on Windows."""

    def __init__(self, start: BakeHeader, size: int) -> None:
        self._start, self._lock = start, threading.Lock()
        self.path, self.card = start.path, start.card
        self.canonical, self.branch = start.canonical, start.branch  # Gaussians; uint8 [N]: 0 face, 1 inside mouth
        self.manifest: BakeManifest | None = None
        self._frames: dict[int, Record] = {}
        self._take(size)

    @staticmethod
    def open(path: Path | str) -> "BakeReader":
        """A complete bake, or what there is of one. Raises UserError."""
        file, size = open_regular_file(path)
        try:
            return BakeReader(BakeHeader(file, size, path), size)
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        self._start.file.close()

    def __enter__(self) -> "BakeReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def frames(self) -> tuple[int, ...]:
        """The numbers of the frames that are there, ascending."""
        return tuple(sorted(self._frames))

    @property
    def complete(self) -> bool:
        return self.manifest is not None

    def refresh(self) -> None:
        """Take in what a running bake has appended since. Raises UserError."""
        with self._lock:
            self._take(self._start.file.seek(0, io.SEEK_END))

    def frame(self, number: int, into: Moved | None = None) -> Moved:
        """(means [N,3] metres, quats [N,4] wxyz unit, scales [N,3]), float32, C-contiguous.

        into: arrays to fill instead of new ones. Raises UserError for a frame that is not there.
        """
        coded = self._coded(number)
        table = into or tuple(np.empty_like(getattr(self.canonical, name)) for name in ("means", "quats", "scales"))
        try:
            decode(coded, self.canonical, self._start.order, table)
        except DecodeError as error:
            raise self._start.damaged(f"frame {number} cannot be read ({error})") from error
        return table

    def errors(self, number: int) -> FrameErrors:
        """What was lost when the frame was stored. Raises UserError."""
        try:
            return errors_of(self._coded(number))
        except DecodeError as error:
            raise self._start.damaged(f"frame {number} cannot be read ({error})") from error

    def verify(self) -> None:
        """Read every byte. Raises UserError when a checksum or the manifest denies one."""
        for number in self._frames:
            self._coded(number)
        if self.manifest is None:
            return
        with open_untrusted(self.path) as (file, _):
            if _sha256(file, self._before_manifest).hexdigest() != self.manifest.sha256:
                raise self._start.damaged("its bytes are not the ones it was written with")

    def _coded(self, number: int) -> bytes:
        record = self._frames.get(number)
        if record is None:
            raise UserError(f"{self.path}: frame {number} is not baked; bake the shot (it goes on where it stopped).")
        try:
            with self._lock:
                return payload_of(self._start.file, record, self.path)
        except CorruptRecordError as error:
            raise self._repairable(error) from error
        except OSError as error:
            raise UserError(f"{self.path}: reading failed ({error.strerror or error}); check the drive.") from error

    def _repairable(self, error: CorruptRecordError) -> UserError:
        return UserError(f"{self.path}: {error}; bake again (it repairs what is there).")

    def _take(self, size: int) -> None:
        try:
            for record in self._start.further(size):
                self._start.check_order(record, self._frames, self.complete)
                if record.kind == DONE:
                    self.manifest, self._before_manifest = self._start.manifest(record), record.begin - HEAD_BYTES
                else:
                    self._frames[record.number] = record
        except CorruptRecordError as error:
            raise self._repairable(error) from error
        if self.complete and self._start.end != size:
            raise self._start.damaged("something follows its end")


class BakeWriter:
    """Frames into a bake, one by one, in any order. Use it as a context manager, or close it."""

    def __init__(self, start: BakeHeader, size: int, held: FileLock) -> None:
        self._start, self._file, self._held = start, start.file, held
        self.path, self.card = start.path, start.card
        self.done: set[int] = set()
        self.error = FrameErrors()
        self.manifest: BakeManifest | None = None
        good = self._recover(size)
        if good != size:
            self._file.truncate(good)
        self._file.seek(0)
        self._hash = _sha256(self._file, good)

    @staticmethod
    def open(path: Path | str, card: BakeCard, canonical: Gaussians, branch: np.ndarray) -> "BakeWriter":
        """Create the bake, or go on with it: `done` says which frames are there.

        branch: uint8 [N], 0 face, 1 inside mouth. Raises UserError for the file of another shot, a
        file that is no bake, and one that another process is writing; ValueError when the
        arguments do not fit each other.
        """
        branch = np.asarray(branch)
        if branch.dtype != np.uint8 or branch.shape != (len(canonical),) or canonical.sh_degree != card.sh_degree:
            raise ValueError("card, Gaussians and branch labels do not fit each other")
        if not Path(path).exists():
            create_bake(path, card, canonical, branch)
        file, size = open_regular_file(path, "r+b")
        held = None
        try:
            held = FileLock(file, path)
            start = BakeHeader(file, size, path)
            _check_same_shot(start, card, canonical, branch)
            return BakeWriter(start, size, held)
        except BaseException:
            file.close()
            if held:
                held.close()
            raise

    def close(self) -> None:
        self._file.close()
        self._held.close()

    def __enter__(self) -> "BakeWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, frame: int, means: np.ndarray, quats: np.ndarray, scales: np.ndarray) -> FrameErrors:
        """Store one frame (shapes and units as in `BakeReader.frame`); what a reader will lose of it.

        Raises ValueError for a frame outside the shot or there already, UserError for values that
        cannot be stored and for a full drive.
        """
        if frame not in self.card.span or frame in self.done:
            raise ValueError(f"frame {frame} is outside the shot or baked already")
        try:
            coded, errors = encode(self._start.canonical, self._start.order, (means, quats, scales))
        except ValueError as error:
            raise UserError(
                f"{self.path}: frame {frame} cannot be stored ({error}); check head and controls."
            ) from error
        self._write(framed(FRAME, frame, coded))
        self.done.add(frame)
        self.error = self.error.worst(errors)
        return errors

    def finish(self) -> BakeManifest:
        """Write the manifest; harmless when it is there. Raises ValueError while frames lack."""
        if self.manifest is None:
            if len(self.done) != self.card.frame_count:
                raise ValueError(f"{self.card.frame_count - len(self.done)} frames are not baked yet")
            manifest = BakeManifest(len(self.done), self.error, self._hash.hexdigest())
            self._write(framed(DONE, 0, to_json(manifest).encode()))
            os.fsync(self._file.fileno())
            self.manifest = manifest
        return self.manifest

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise UserError(
                f"{self.path}: writing failed ({error.strerror or error}); free space on the drive "
                "and bake again (it goes on where it stopped)."
            ) from error
        self._hash.update(data)

    def _recover(self, size: int) -> int:
        """Take in the frames that are there, every byte verified; the offset after the last good one."""
        good = self._start.end
        frames: dict[int, Record] = {}
        try:
            for record in self._start.further(size):
                self._start.check_order(record, frames, self.manifest is not None)
                if record.kind == DONE:
                    self.manifest = self._start.manifest(record)
                else:
                    self.error = self.error.worst(errors_of(payload_of(self._file, record, self.path)))
                    frames[record.number] = record
                good = record.end
        except (CorruptRecordError, UserError, DecodeError):
            pass  # what follows is cut off and baked again: that is what resuming means
        self.done = set(frames)
        return good


def _check_same_shot(start: BakeHeader, card: BakeCard, canonical: Gaussians, branch: np.ndarray) -> None:
    """Raises UserError, naming what differs."""
    differ = [name for name in SHOT_FIELDS if getattr(start.card, name) != getattr(card, name)]
    if not all(
        np.array_equal(getattr(start.canonical, name), getattr(canonical, name)) for name in COLUMNS
    ) or not np.array_equal(start.branch, branch):
        differ.append("the Gaussians")
    if differ:
        raise UserError(
            f"{start.path}: holds another shot ({', '.join(differ)} differ); delete it or bake into another file."
        )


def _sha256(file: BinaryIO, count: int) -> "hashlib._Hash":
    """The digest of the next `count` bytes, read a megabyte at a time."""
    digest = hashlib.sha256()
    while count and (piece := file.read(min(count, 1 << 20))):
        digest.update(piece)
        count -= len(piece)
    return digest
