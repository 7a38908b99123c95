# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a bake's frames: an hour opens with a handful of reads instead of one a frame. Knows no Gaussian.

Payload of the record before the manifest: for each frame, in the order of the file, its number int64, the length uint32
and the crc32 of its payload, little-endian. Records follow each other without gaps, so that the lengths are the places
too; and the shot's number of frames says how long the table is, so that it is found from the end of the file.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .records import HEADER_BYTES, CorruptRecordError, Record, read_payload, read_record

ROW = np.dtype([("number", "<i8"), ("length", "<u4"), ("crc", "<u4")])
MANIFEST_BYTES = 4096  # the most that is searched for the manifest, which has about 200


def pack_index(frames: Iterable[Record]) -> bytes:
    """The payload for the frames in the order of the file."""
    return np.array([(record.number, record.length, record.crc) for record in frames], ROW).tobytes()


def read_index(
    file: BinaryIO, begin: int, size: int, count: int, kinds: tuple[bytes, bytes, bytes], source: Path | str
) -> list[Record] | None:
    """The records of a complete bake of `count` frames from offset `begin` on: the frames, the index, the manifest.

    kinds: of a frame, the index and the manifest. None where the file does not end with an index and a manifest that
    fit it: then the records must be read one by one. The caller checks that the numbers are those of the shot.
    """
    frame_kind, index_kind, manifest_kind = kinds
    tail_begin = max(begin, size - MANIFEST_BYTES)
    file.seek(tail_begin)
    found = file.read(size - tail_begin).rfind(manifest_kind)
    index_begin = tail_begin + found - HEADER_BYTES - count * ROW.itemsize
    if found < 0 or index_begin < begin:
        return None
    try:
        index, manifest = read_record(file, index_begin, size), read_record(file, tail_begin + found, size)
        if index is None or manifest is None or manifest.end != size:
            return None
        if (index.kind, index.end) != (index_kind, manifest.begin - HEADER_BYTES):
            return None
        rows = np.frombuffer(read_payload(file, index, source), ROW)
    except CorruptRecordError:
        return None  # reading the records one by one says where the damage is
    ends = begin + np.cumsum(rows["length"].astype(np.int64) + HEADER_BYTES)
    if ends[-1] != index_begin:
        return None
    columns = (rows["number"], ends - rows["length"], rows["length"], rows["crc"])
    frames = map(Record, itertools.repeat(frame_kind), *(column.tolist() for column in columns))
    return [*frames, index, manifest]
