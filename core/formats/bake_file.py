# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake on disk: the frames of a shot, evaluated and stored. Knows not how a frame is made.

    MAGIC, then records (records.py):
    CARD   the card, JSON
    BASE   the canonical Gaussians, the branch of each (uint8) and their Morton order (int64), as safetensors; of
           keyframed controls also "controls.NAME", a number a frame (float64)
    FRAM   one per frame, in the order of baking; number = the frame; bytes: deltas.py
    INDX   the number, length and crc of every frame (bake_index.py); not in bakes of version 1
    DONE   the manifest, JSON: {"frames", "error": {...}, "sha256" of all bytes before it}

A file exists with its card and base or not at all. Frames are appended one by one; after a kill the writer truncates
the torn tail and knows which frames are stored. Nothing in the file depends on the clock or the machine, so that a
resumed bake has the same bytes as an uninterrupted one. Until it has its INDX, NAME.bake.index beside it has the same
table (bake_side_index.py).
"""

import io
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from .bake_header import DONE, FRAME, INDEX, BakeCard, BakeHeader, BakeManifest, create_bake
from .bake_index import pack_index
from .bake_side_index import SideIndex
from .deltas import DecodeError, FrameArrays, FrameErrors, decode, encode, stored_errors
from .file_lock import FileLock
from .gaussians import Gaussians
from .json_codec import to_json
from .named_errors import name_errors
from .open_untrusted import open_regular_file, open_untrusted, translate_read_errors
from .records import (
    HEADER_BYTES,
    CorruptRecordError,
    Record,
    describe_record,
    pack_record,
    read_payload,
    sha256_of_next,
)
from .user_error import UserError

__all__ = ["BakeCard", "BakeManifest", "BakeReader", "BakeWriter"]


class BakeReader:
    """Random access to the frames of a bake, from any thread. Close it: an open file cannot be replaced on Windows."""

    def __init__(self, header: BakeHeader, size: int) -> None:
        self._header, self._lock = header, threading.Lock()
        self.path, self.card = header.path, header.card
        self.canonical, self.branch = header.canonical, header.branch  # Gaussians; uint8 [N]: 0 face, 1 inside mouth
        self.keyed_controls = header.keyed_controls  # name -> float64 [frame_count]
        self.manifest: BakeManifest | None = None
        self._frames: dict[int, Record] = {}
        self._indexed = False
        self._numbers: tuple[int, ...] | None = None  # of `frames`, until a refresh finds more
        if records := header.indexed_records(size):
            self._frames = {record.number: record for record in records[:-2]}
            self._take_manifest(records[-1])
        else:
            self._frames = {record.number: record for record in header.side_records(size)}
            self._scan(size)

    @staticmethod
    def open(path: Path | str) -> "BakeReader":
        """Open a bake, complete or not. Raises UserError."""
        file, size = open_regular_file(path)
        try:
            with translate_read_errors(path):
                return BakeReader(BakeHeader(file, size, path), size)
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        """Close the file; frames cannot be read any more."""
        self._header.file.close()

    def __enter__(self) -> "BakeReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def frames(self) -> tuple[int, ...]:
        """The numbers of the stored frames, ascending."""
        if self._numbers is None:
            self._numbers = tuple(sorted(self._frames))
        return self._numbers

    @property
    def complete(self) -> bool:
        """Whether every frame of the shot and the manifest are stored."""
        return self.manifest is not None

    def refresh(self) -> None:
        """Read what a running bake has appended since. Raises UserError."""
        with self._lock, translate_read_errors(self.path):
            self._scan(self._header.file.seek(0, io.SEEK_END))

    def frame(self, number: int, out: FrameArrays | None = None) -> FrameArrays:
        """(means [N,3] metres, quats [N,4] wxyz unit, scales [N,3]), float32, C-contiguous.

        out: arrays to fill instead of new ones. Raises UserError for a frame that is not baked.
        """
        coded, rest = self.encoded(number), self.canonical
        out = out or (np.empty_like(rest.means), np.empty_like(rest.quats), np.empty_like(rest.scales))
        with translate_read_errors(self.path):
            try:
                decode(coded, rest, self._header.order, out)
            except DecodeError as error:
                raise self._header.damaged(f"frame {number} cannot be read ({error})") from error
        return out

    def errors(self, number: int) -> FrameErrors:
        """The errors that storing the frame caused. Raises UserError."""
        try:
            return stored_errors(self.encoded(number))
        except DecodeError as error:
            raise self._header.damaged(f"frame {number} cannot be read ({error})") from error

    def verify(self) -> None:
        """Read every byte. Raises UserError when one does not match its checksum or the manifest."""
        for number in self._frames:
            self.encoded(number)
        if self.manifest is None:
            return
        with open_untrusted(self.path) as (file, _):
            if sha256_of_next(file, self._manifest_begin).hexdigest() != self.manifest.sha256:
                raise self._header.damaged("its bytes do not match the checksum in its manifest")

    def encoded(self, number: int) -> bytes:
        """A frame's bytes as they are stored. Raises UserError."""
        record = self._frames.get(number)
        if record is None:
            raise UserError(f"{self.path}: frame {number} is not baked; bake the shot (it continues where it stopped).")
        with self._lock, translate_read_errors(self.path):
            try:
                return read_payload(self._header.file, record, self.path)
            except CorruptRecordError as error:
                raise self._repairable(error) from error

    def _repairable(self, error: CorruptRecordError) -> UserError:
        return UserError(f"{self.path}: {error}; bake again (the damaged part is repaired).")

    def _scan(self, size: int) -> None:
        try:
            for record in self._header.new_records(size):
                self._header.check_order(record, self._frames, self._indexed, self.complete)
                if record.kind == DONE:
                    self._take_manifest(record)
                elif record.kind == INDEX:
                    self._header.check_index(record, self._frames)
                    self._indexed = True
                else:
                    self._frames[record.number] = record
                    self._numbers = None
        except CorruptRecordError as error:
            raise self._repairable(error) from error
        if self.complete and self._header.end != size:
            raise self._header.damaged("data follows its end")

    def _take_manifest(self, record: Record) -> None:
        self.manifest, self._manifest_begin = self._header.manifest(record), record.begin - HEADER_BYTES


class BakeWriter:
    """Append frames to a bake, one by one, in any order. Use it as a context manager, or close it."""

    def __init__(self, header: BakeHeader, size: int, lock: FileLock) -> None:
        self._header, self._file, self._lock = header, header.file, lock
        self.path, self.card = header.path, header.card
        self.done: set[int] = set()
        self.error = FrameErrors()
        self.manifest: BakeManifest | None = None
        self._frames: dict[int, Record] = {}  # in the order of the file
        self._indexed = False
        end = self._recover(size)
        if end != size:
            self._file.truncate(end)
        self._file.seek(0)
        self._hash = sha256_of_next(self._file, end)
        has_own_index = self.manifest and header.has_index
        self._table = None if has_own_index else SideIndex(self.path, header.seed, self._frames.values())

    @staticmethod
    def open(
        path: Path | str,
        card: BakeCard,
        canonical: Gaussians,
        branch: np.ndarray,
        keyed_controls: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "BakeWriter":
        """Create the bake, or continue it: `done` holds the stored frames.

        branch: uint8 [N], 0 face, 1 inside mouth. keyed_controls: name -> float64 [frame_count]. Raises UserError for
        the bake of another shot, a file that is not a bake, and one that another process is writing to; ValueError when
        the arguments do not match.
        """
        branch = np.asarray(branch)
        if branch.dtype != np.uint8 or branch.shape != (len(canonical),) or canonical.sh_degree != card.sh_degree:
            raise ValueError("card, Gaussians and branch labels do not match")
        if not Path(path).exists():
            create_bake(path, card, canonical, branch, keyed_controls)
        file, size = open_regular_file(path, "r+b")
        lock = None
        try:
            lock = FileLock(file, path)
            with translate_read_errors(path):
                header = BakeHeader(file, size, path)
                header.check_same_shot(card, canonical, branch)
                return BakeWriter(header, size, lock)
        except BaseException:
            file.close()
            if lock:
                lock.close()
            raise

    def close(self) -> None:
        """Close the file and release its lock; the stored frames stay."""
        if self._table:
            self._table.close(remove=self.manifest is not None and self._header.has_index)
        self._file.close()
        self._lock.close()

    def __enter__(self) -> "BakeWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, frame: int, means: np.ndarray, quats: np.ndarray, scales: np.ndarray) -> FrameErrors:
        """Store one frame (shapes and units as in `BakeReader.frame`) and return the errors that storing causes.

        Raises ValueError for a frame outside the shot or stored already, UserError for values that cannot be stored
        and for a full drive.
        """
        if frame not in self.card.span or frame in self.done:
            raise ValueError(f"frame {frame} is outside the shot or baked already")
        try:
            coded, errors = encode(self._header.canonical, self._header.order, (means, quats, scales))
        except ValueError as error:
            raise UserError(
                f"{self.path}: frame {frame} cannot be stored ({error}); check the head and the controls."
            ) from error
        self._store(frame, coded, errors)
        return errors

    def can_copy(self, source: BakeReader) -> bool:
        """Whether the other bake is of the same Gaussians."""
        return self._header.has_gaussians(source.canonical, source.branch)

    def copy(self, frame: int, source: BakeReader, number: int) -> None:
        """Store frame `number` of another bake, of which `can_copy` holds, as `frame`. Raises UserError."""
        self._store(frame, source.encoded(number), source.errors(number))

    def _store(self, frame: int, coded: bytes, errors: FrameErrors) -> None:
        record = describe_record(FRAME, frame, coded)
        self._write(record.header + coded)
        if self._table:
            self._table.append(record)
        self._frames[frame] = record
        self.done.add(frame)
        self.error = self.error.worst(errors)

    def finish(self) -> BakeManifest:
        """Write the index and the manifest, if they are not written yet. Raises ValueError while frames are missing."""
        if self.manifest is None:
            if len(self.done) != self.card.frame_count:
                raise ValueError(f"{self.card.frame_count - len(self.done)} frames are not baked yet")
            if self._header.has_index and not self._indexed:
                self._write(pack_record(INDEX, 0, pack_index(self._frames.values())))
                self._indexed = True
            manifest = BakeManifest(len(self.done), self.error, self._hash.hexdigest())
            self._write(pack_record(DONE, 0, to_json(manifest).encode()))
            with name_errors(self.path):
                os.fsync(self._file.fileno())
            self.manifest = manifest
        return self.manifest

    def _write(self, data: bytes) -> None:
        unwritten = memoryview(data)
        try:
            while unwritten:
                unwritten = unwritten[self._file.write(unwritten) :]
        except OSError as error:
            raise UserError(
                f"{self.path}: writing failed ({error.strerror or error}); free space on the drive "
                "and bake again (it continues where it stopped)."
            ) from error
        self._hash.update(data)

    def _recover(self, size: int) -> int:
        """Find the stored frames, verifying every byte; the offset after the last valid record."""
        end, frames = self._header.end, self._frames
        try:
            for record in self._header.new_records(size):
                self._header.check_order(record, frames, self._indexed, self.manifest is not None)
                if record.kind == DONE:
                    self.manifest = self._header.manifest(record)
                elif record.kind == INDEX:
                    self._header.check_index(record, frames)
                    self._indexed = True
                else:
                    self.error = self.error.worst(stored_errors(read_payload(self._file, record, self.path)))
                    frames[record.number] = record
                end = record.end
        except (CorruptRecordError, UserError, DecodeError):
            pass  # what follows is truncated and baked again: that is what resuming means
        self.done = set(frames)
        return end
