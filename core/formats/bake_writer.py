# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a bake: create or continue it, append frames, finish. The file's layout is described in bake_file.py."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from .bake_file import BakeReader
from .bake_header import DONE, FRAME, INDEX, BakeCard, BakeHeader, BakeManifest, create_bake
from .bake_index import pack_index
from .bake_side_index import SideIndex
from .deltas import DecodeError, FrameErrors, encode, stored_errors
from .file_lock import FileLock
from .gaussians import Gaussians
from .json_codec import to_json
from .named_errors import name_errors
from .open_untrusted import open_regular_file, translate_read_errors
from .records import (
    CorruptRecordError,
    Record,
    describe_record,
    pack_record,
    read_payload,
    sha256_of_next,
)
from .user_error import UserError

__all__ = ["BakeCard", "BakeManifest", "BakeReader", "BakeWriter"]


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
        pose_change: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "BakeWriter":
        """Create the bake, or continue it: `done` holds the stored frames.

        branch: uint8 [N], 0 face, 1 inside mouth. keyed_controls: name -> float64 [frame_count]. pose_change:
        likewise of the rig's channels, mm. Raises UserError for the bake of another shot, a file that is not a bake,
        and one that another process is writing to; ValueError when the arguments do not match.
        """
        branch = np.asarray(branch)
        if branch.dtype != np.uint8 or branch.shape != (len(canonical),) or canonical.sh_degree != card.sh_degree:
            raise ValueError("card, Gaussians and branch labels do not match")
        if not Path(path).exists():
            create_bake(path, card, canonical, branch, keyed_controls, pose_change)
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
