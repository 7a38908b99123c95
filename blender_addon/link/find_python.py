# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python the worker runs in: the core's environment, with torch and the rest in it."""

import importlib.util
import os
import sys
from pathlib import Path

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
    package's files, the running Python when it has torch itself. None when there is none.

    A preference that leads nowhere is not silently replaced: None.
    """
    if preferred:
        return interpreter_in(Path(preferred))
    if named := os.environ.get(VARIABLE):
        return interpreter_in(Path(named))
    return interpreter_in(root / ".venv") or _running_python()


def _running_python() -> Path | None:
    """Blender's own executable is no Python; the `bpy` module runs in one."""
    executable = Path(sys.executable or "")
    is_python = executable.is_file() and executable.stem.lower().startswith("python")
    return executable if is_python and importlib.util.find_spec("torch") else None
