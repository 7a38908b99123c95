# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python the worker runs in: an environment that somebody chose, else Blender's own."""

import os
from pathlib import Path

from .blenders_python import blenders_python

VARIABLE = "TALKSPLAT_PYTHON"


def interpreter_in(place: Path) -> Path | None:
    """The interpreter that `place` means: itself, or the one inside an environment's folder; None where it is not."""
    inside = ("bin/python", "Scripts/python.exe", "bin/python3", "python.exe")
    for path in (place, *(place / name for name in inside)):
        if path.is_file():
            return path
    return None


def find_python(preferred: str, root: Path) -> Path | None:
    """The first that exists of: the preference, the environment variable TALKSPLAT_PYTHON, a `.venv` next to the
    package's files (a developer's checkout), Blender's own Python with the wheels of the zip. None when there is none.

    A preference that leads nowhere is not silently replaced: None.
    """
    if preferred:
        return interpreter_in(Path(preferred))
    if named := os.environ.get(VARIABLE):
        return interpreter_in(Path(named))
    return interpreter_in(root / ".venv") or blenders_python()
