# SPDX-License-Identifier: GPL-3.0-or-later
"""An append log: records one after the other, each with its own checksums. It knows no bake.

A record is 24 bytes of head and then the payload, little-endian:
    kind 4s | number int64 | payload length uint32 | crc32 of the payload | crc32 of these 20 bytes
A process killed while it appends leaves the beginning of a record at the end of the file; the walk
stops before it, so that a writer can cut it off and go on.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .open_untrusted import read_exactly

HEAD = struct.Struct("<4sqII")
CHECK = struct.Struct("<I")
HEAD_BYTES = HEAD.size + CHECK.size
MOST_PAYLOAD = 2**32 - 1


@dataclass(frozen=True)
class Record:
    """Where a record lies and what its head says; the payload has not been read."""

    kind: bytes
    number: int
    begin: int  # file offset of the payload
    length: int
    crc: int

    @property
    def end(self) -> int:
        return self.begin + self.length


class CorruptRecordError(Exception):
    """Bytes that are all there and that their checksum denies: not a torn tail."""

    def __init__(self, at: int) -> None:
        super().__init__(f"damaged at byte {at}")


def framed(kind: bytes, number: int, payload: bytes) -> bytes:
    """The record's bytes. Raises ValueError above 4 GiB."""
    if len(payload) > MOST_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes does not fit one record")
    head = HEAD.pack(kind, number, len(payload), zlib.crc32(payload))
    return b"".join((head, CHECK.pack(zlib.crc32(head)), payload))


def walk(file: BinaryIO, begin: int, size: int) -> Iterator[Record]:
    """The whole records from offset `begin` of a file of `size` bytes; stops before a torn tail.

    Payloads are skipped unread: opening ten minutes of frames costs milliseconds. Raises CorruptRecordError.
    """
    while size - begin >= HEAD_BYTES:
        file.seek(begin)
        head = file.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES:
            return
        if zlib.crc32(head[: HEAD.size]) != CHECK.unpack_from(head, HEAD.size)[0]:
            raise CorruptRecordError(begin)
        kind, number, length, crc = HEAD.unpack_from(head)
        record = Record(kind, number, begin + HEAD_BYTES, length, crc)
        if record.end > size:
            return
        yield record
        begin = record.end


def payload_of(file: BinaryIO, record: Record, source: Path | str) -> bytes:
    """Read and verify; the record's length has been checked against the file. Raises CorruptRecordError, and
    Refusal when the file has become shorter meanwhile."""
    file.seek(record.begin)
    payload = read_exactly(file, record.length, source)
    if zlib.crc32(payload) != record.crc:
        raise CorruptRecordError(record.begin)
    return payload
