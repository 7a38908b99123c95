# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the sizes that a binary USD file (.usdc, "crate") claims are possible: Pixar's library takes memory for them
before it reads what they count.

Layout of OpenUSD's crate files, versions 0.4 and newer: "PXR-USDC", the version, the place of a table of sections; a
section begins with the number of what is in it, TOKENS also with its unpacked and packed bytes. Integers are coded in
two bits or more and then packed by LZ4, which shrinks by 255 at most.
"""

import io
import struct
import zipfile
from pathlib import Path

from ..formats import UserError

MAGIC = b"PXR-USDC"
SECTION = struct.Struct("<16sqq")  # name, where it begins, bytes
LZ4_MOST = 255  # bytes out of one
MOST_A_BYTE = 4 * LZ4_MOST  # numbers out of one packed byte
COUNTED = (b"TOKENS", b"STRINGS", b"FIELDS", b"FIELDSETS", b"PATHS", b"SPECS")
SLACK = 1024  # numbers that a section may claim whatever its size


def check_crates(path: Path) -> None:
    """Of a file, or of all that a .usdz packs, which packs without compressing. Raises UserError for sizes that cannot
    be; what else is wrong the library says."""
    data = path.read_bytes()
    _check_crate(data, path)
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if entry.compress_type == zipfile.ZIP_STORED:
                    _check_crate(archive.read(entry), path)


def _check_crate(data: bytes, path: Path) -> None:
    """Nothing for a file of another kind."""
    if data[: len(MAGIC)] != MAGIC:
        return
    try:
        for name, start, size in _sections(data):
            if not 0 <= start <= start + size <= len(data):
                raise ValueError("a section that lies outside of the file")
            if name in COUNTED:
                _check_counts(name, data[start : start + size])
    except (struct.error, ValueError) as error:
        raise UserError(f"{path}: its sizes do not fit its content; copy it again or export it again.") from error


def _sections(data: bytes) -> list[tuple[bytes, int, int]]:
    (table,) = struct.unpack_from("<q", data, 16)
    if not 0 <= table < len(data):
        raise ValueError("a table outside of the file")
    (count,) = struct.unpack_from("<Q", data, table)
    if count > (len(data) - table) // SECTION.size:
        raise ValueError("more sections than bytes")
    found = (SECTION.unpack_from(data, table + 8 + i * SECTION.size) for i in range(count))
    return [(name.rstrip(b"\0"), start, size) for name, start, size in found]


def _check_counts(name: bytes, section: bytes) -> None:
    (count,) = struct.unpack_from("<Q", section)
    if count > SLACK + MOST_A_BYTE * len(section):
        raise ValueError("more in a section than it could hold")
    if name == b"TOKENS":
        unpacked, packed = struct.unpack_from("<QQ", section, 8)
        if packed > len(section) or unpacked > SLACK + LZ4_MOST * packed or count > unpacked:
            raise ValueError("longer tokens than it could hold")
