# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of another file as a file of ours keeps it: relative to its own folder, so that a project can be moved and
says nothing of the machine it was made on."""

import os
from pathlib import Path


def stored_path(file: Path | str, other: Path | str) -> str:
    """`other` as `file` should keep it, with forward slashes; absolute where it is on another drive."""
    place, folder = _real(Path(other)), _real(Path(file)).parent
    try:
        return Path(os.path.relpath(place, folder)).as_posix()
    except ValueError:  # Windows: no path leads from one drive to another
        return place.as_posix()


def found_path(file: Path | str, stored: str) -> str:
    """Where `file` says that the other file is; "" where it says nothing. Old files keep absolute paths."""
    return os.path.normpath(_real(Path(file)).parent / stored) if stored else ""


def _real(path: Path) -> Path:
    """Absolute, its folder without symbolic links: `..` means the folder above, whichever way one came."""
    return path.absolute().parent.resolve() / path.name
