# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that is being made: who began it from what, so that an ended job goes on in its own folder and in no other.

The mark lies in the folder until the file that makes it whole is there.
"""

import json
from pathlib import Path

from ..formats import UserError, atomic_write, open_untrusted

MARK = "begun.json"
LIMIT = 1 << 20  # bytes


def mark_started(out: Path, made_from: dict, whole: str, parts: tuple[str, ...]) -> None:
    """Make the folder and its parts, or go on in one that was begun with the same words; `whole` names the file that
    stands in a finished one. Raises UserError for a folder that holds anything else."""
    mark, words = out / MARK, json.dumps(made_from, indent=1)
    if mark.is_file():
        with open_untrusted(mark) as (file, _):
            if file.read(LIMIT) != words.encode():
                raise UserError(f"{out} was begun from something else or with other settings; choose another folder.")
    elif (out / whole).exists():
        raise UserError(f"{out} already holds a finished {whole}; choose another folder or delete this one.")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is not an empty folder; choose another.")
    else:
        with atomic_write(mark) as beside:
            beside.write_text(words, encoding="utf-8")
    for part in parts:
        (out / part).mkdir(exist_ok=True)


def mark_finished(out: Path) -> None:
    """The folder is whole."""
    (out / MARK).unlink(missing_ok=True)
