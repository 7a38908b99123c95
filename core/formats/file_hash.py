# SPDX-License-Identifier: GPL-3.0-or-later
"""The sha256 of a whole file, as `sha256sum` prints it."""

import hashlib
from pathlib import Path

from .open_untrusted import open_untrusted

BLOCK = 1 << 20  # bytes


def sha256_of_file(path: Path | str) -> str:
    """64 hexadecimal digits. Raises UserError."""
    digest = hashlib.sha256()
    with open_untrusted(path) as (file, _):
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
