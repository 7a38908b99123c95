# SPDX-License-Identifier: GPL-3.0-or-later
"""NAME.bake.index, the table of an unfinished bake's frames: an hour that is being baked, or was cancelled, opens with
a handful of reads. A finished bake has its table inside (bake_index.py) and this file is gone; one of version 1 never
has it, and keeps this file once a writer has met it.

For each frame, in the order of the bake, its row as in bake_index.py and a crc32 of that row and all before it,
beginning with the bake's seed. The bake alone is the truth: from the first row that does not fit on, the frames are
found one by one as without this file.
"""

import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .bake_index import ROW, pack_index
from .named_errors import name_errors
from .records import HEADER_BYTES, CorruptRecordError, Record, read_record

ENTRY_BYTES = ROW.itemsize + 4  # with its check


class SideIndex:
    """Appended to by the bake's only writer."""

    def __init__(self, bake: Path | str, seed: int, frames: Iterable[Record]) -> None:
        """Written anew: what was there may be of another bake. Raises OSError."""
        self.path, self._check = _beside(bake), seed
        with name_errors(self.path):
            self._file = open(self.path, "wb", buffering=0)
            self._file.write(b"".join(map(self._entry, frames)))

    def append(self, frame: Record) -> None:
        """The bake has one more frame. Raises OSError."""
        with name_errors(self.path):
            self._file.write(self._entry(frame))

    def close(self, remove: bool) -> None:
        """remove: the bake has a table of its own now."""
        self._file.close()
        if remove:
            self.path.unlink(missing_ok=True)

    def _entry(self, frame: Record) -> bytes:
        row = pack_index([frame])
        self._check = zlib.crc32(row, self._check)
        return row + self._check.to_bytes(4, "little")


def read_side_index(bake: Path | str, file: BinaryIO, seed: int, begin: int, size: int, kind: bytes) -> list[Record]:
    """The frames that the table knows of the open bake `file` of `size` bytes, whose frames begin at `begin`; [] where
    there is none, or it does not fit. More frames may follow in the bake.

    kind: of a frame's record.
    """
    rows = _read_rows(_beside(bake), seed)
    ends = begin + np.cumsum(rows["length"].astype(np.int64) + HEADER_BYTES)
    rows, ends = rows[ends <= size], ends[ends <= size]  # a power cut may have kept these rows, not their frames
    columns = (rows["number"], ends - rows["length"], rows["length"], rows["crc"])
    frames = [Record(kind, *values) for values in zip(*(column.tolist() for column in columns))]
    try:
        last = read_record(file, frames[-1].begin - HEADER_BYTES, size) if frames else None
    except CorruptRecordError:
        return []
    return frames if frames and last == frames[-1] else []


def _read_rows(path: Path, seed: int) -> np.ndarray:
    """The rows up to the first whose check fails, or that a kill cut off."""
    if not path.is_file() or not os.access(path, os.R_OK):  # the bake itself is read then
        return np.empty(0, ROW)
    rows, check = bytearray(), seed
    with open(path, "rb") as file:
        while len(entry := file.read(ENTRY_BYTES)) == ENTRY_BYTES:
            check = zlib.crc32(entry[: ROW.itemsize], check)
            if entry[ROW.itemsize :] != check.to_bytes(4, "little"):
                break
            rows += entry[: ROW.itemsize]
    return np.frombuffer(bytes(rows), ROW)


def _beside(bake: Path | str) -> Path:
    return Path(f"{bake}.index")
