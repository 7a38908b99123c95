# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks a folder that is being made with what it is made from, so that a cancelled job continues in its own folder and
in no other. The marker is deleted when the folder is finished."""

import json
from pathlib import Path

from ..formats import UserError, atomic_write, open_untrusted

MARKER = "begun.json"  # folders that 0.1.0 left unfinished have it
MAX_BYTES = 1 << 20


def check_startable(out: Path, last_file: str) -> None:
    """Raises UserError for a folder that is finished (it has `last_file`), or holds anything but what we began."""
    if (out / MARKER).is_file():
        return
    if (out / last_file).exists():
        raise UserError(f"{out} already holds a finished {last_file}; choose another folder or delete this one.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is not an empty folder; choose another.")


def mark_started(out: Path, made_from: dict, last_file: str, folders: tuple[str, ...]) -> None:
    """Make the folder and its folders, or continue in one that was started from the same.

    made_from: plain values, the source and the settings. last_file: the name of the file that only a finished folder
    has. Raises UserError for a folder that holds anything else.
    """
    check_startable(out, last_file)
    marker, text = out / MARKER, json.dumps(made_from, indent=1)
    if marker.is_file():
        with open_untrusted(marker) as (file, _):
            if file.read(MAX_BYTES) != text.encode():
                raise UserError(f"{out} was started from something else or with other settings; choose another folder.")
    else:
        with atomic_write(marker) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for folder in folders:
        (out / folder).mkdir(exist_ok=True)


def mark_finished(out: Path) -> None:
    """Delete the marker."""
    (out / MARKER).unlink(missing_ok=True)
