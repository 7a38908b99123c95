# SPDX-License-Identifier: GPL-3.0-or-later
"""Text files of others, in whichever of the usual encodings."""

import codecs
from pathlib import Path

from .open_untrusted import open_untrusted
from .user_error import UserError

LARGEST = 16 << 20  # bytes: a day of words and phones


def read_text(
    path: Path | str,
    wanted: str,  # what to choose in its place, "a text file"
) -> str:
    """The text of a file. Raises UserError for what is none, or is larger than a day's speech."""
    with open_untrusted(path) as (file, size):
        if size > LARGEST:
            raise UserError(f"{path}: is too large for the words of a sound; choose {wanted}.")
        data = file.read(size)
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # older Praats and subtitle editors
    if "\0" in text:
        raise UserError(f"{path}: is not text; choose {wanted}.")
    return text
