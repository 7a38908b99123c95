# SPDX-License-Identifier: GPL-3.0-or-later
"""An append-only log: records one after the other, each with its own checksums. Knows no bake.

A record is a header of 24 bytes and the payload, little-endian:
    kind 4s | number int64 | payload length uint32 | crc32 of the payload | crc32 of these 20 bytes
A process killed while it appends leaves a torn record at the end of the file; `iterate_records` stops before it, so
that a writer can truncate the file there and continue.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .open_untrusted import read_exactly

HEADER = struct.Struct("<4sqII")
CHECKSUM = struct.Struct("<I")
HEADER_BYTES = HEADER.size + CHECKSUM.size
MAX_PAYLOAD = 2**32 - 1


class Record(NamedTuple):
    """A record's header and place; the payload has not been read."""

    kind: bytes  # 4 characters
    number: int
    begin: int  # file offset of the payload
    length: int  # bytes of the payload
    crc: int  # of the payload

    @property
    def end(self) -> int:
        """File offset after the payload."""
        return self.begin + self.length

    @property
    def header(self) -> bytes:
        """The bytes before the payload."""
        header = HEADER.pack(self.kind, self.number, self.length, self.crc)
        return header + CHECKSUM.pack(zlib.crc32(header))


class CorruptRecordError(Exception):
    """Bytes that do not match their checksum although none are missing: damage, not a torn tail."""

    def __init__(self, at: int) -> None:
        super().__init__(f"damaged at byte {at}")


def describe_record(kind: bytes, number: int, payload: bytes, begin: int = 0) -> Record:
    """The record of a payload that is to be written. Raises ValueError above 4 GiB."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes does not fit one record")
    return Record(kind, number, begin, len(payload), zlib.crc32(payload))


def pack_record(kind: bytes, number: int, payload: bytes) -> bytes:
    """The record's bytes. Raises ValueError above 4 GiB."""
    return describe_record(kind, number, payload).header + payload


def read_record(file: BinaryIO, at: int, size: int) -> Record | None:
    """The record at offset `at` of a file of `size` bytes, its payload unread; None where its bytes are not all there.

    Raises CorruptRecordError.
    """
    file.seek(at)
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return None
    if zlib.crc32(header[: HEADER.size]) != CHECKSUM.unpack_from(header, HEADER.size)[0]:
        raise CorruptRecordError(at)
    kind, number, length, crc = HEADER.unpack_from(header)
    record = Record(kind, number, at + HEADER_BYTES, length, crc)
    return record if record.end <= size else None


def iterate_records(file: BinaryIO, begin: int, size: int) -> Iterator[Record]:
    """The complete records from offset `begin` of a file of `size` bytes; stops before a torn tail.

    Payloads are skipped unread, but each record costs a read. Raises CorruptRecordError.
    """
    while size - begin >= HEADER_BYTES and (record := read_record(file, begin, size)):
        yield record
        begin = record.end


def read_payload(file: BinaryIO, record: Record, source: Path | str) -> bytes:
    """Read and verify a record whose length has been checked against the file; returns its payload.

    Raises CorruptRecordError, and UserError when the file has become shorter meanwhile.
    """
    file.seek(record.begin - HEADER_BYTES)
    header, payload = read_exactly(file, HEADER_BYTES, source), read_exactly(file, record.length, source)
    if header != record.header or zlib.crc32(payload) != record.crc:
        raise CorruptRecordError(record.begin)
    return payload


def sha256_of_next(file: BinaryIO, count: int) -> "hashlib._Hash":
    """The digest of the next `count` bytes, read in chunks of a megabyte."""
    digest = hashlib.sha256()
    while count and (chunk := file.read(min(count, 1 << 20))):
        digest.update(chunk)
        count -= len(chunk)
    return digest
