# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake on disk: the frames of a shot, evaluated and stored. Knows not how a frame is made.

    MAGIC, then records (records.py):
    CARD   the card, JSON
    BASE   the canonical Gaussians, the branch of each (uint8) and their Morton order (int64), as safetensors; of
           keyframed controls also "controls.NAME", of a pose change "pose.CHANNEL", a number a frame (float64)
    FRAM   one per frame, in the order of baking; number = the frame; bytes: deltas.py
    INDX   the number, length and crc of every frame (bake_index.py); not in bakes of version 1
    DONE   the manifest, JSON: {"frames", "error": {...}, "sha256" of all bytes before it}

A file exists with its card and base or not at all. Frames are appended one by one; after a kill the writer truncates
the torn tail and knows which frames are stored. Nothing in the file depends on the clock or the machine, so that a
resumed bake has the same bytes as an uninterrupted one. Until it has its INDX, NAME.bake.index beside it has the same
table (bake_side_index.py).
"""

import io
import threading
from pathlib import Path

import numpy as np

from .bake_header import DONE, INDEX, BakeHeader, BakeManifest
from .deltas import DecodeError, FrameArrays, FrameErrors, decode, stored_errors
from .open_untrusted import open_regular_file, open_untrusted, translate_read_errors
from .records import (
    HEADER_BYTES,
    CorruptRecordError,
    Record,
    read_payload,
    sha256_of_next,
)
from .user_error import UserError


class BakeReader:
    """Random access to the frames of a bake, from any thread. Close it: an open file cannot be replaced on Windows."""

    def __init__(self, header: BakeHeader, size: int) -> None:
        self._header, self._lock = header, threading.Lock()
        self.path, self.card = header.path, header.card
        self.canonical, self.branch = header.canonical, header.branch  # Gaussians; uint8 [N]: 0 face, 1 inside mouth
        self.keyed_controls = header.keyed_controls  # name -> float64 [frame_count]
        self.pose_change = header.pose_change  # channel of the rig -> float64 [frame_count], mm
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
