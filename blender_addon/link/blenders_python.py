# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own Python as the one that the worker runs in, with the wheels that came inside the extension's zip."""

import importlib.util
import os
import sys
from pathlib import Path

# What the worker imports to listen, bake, render and export; the names of wheels.toml, as modules.
MODULES = "numpy", "av", "llvmlite", "numba", "onnxruntime", "OpenEXR", "PIL", "soxr"


def blenders_python() -> Path | None:
    """Blender's own interpreter when all MODULES are installed for it; else None."""
    return own_interpreter() if None not in _folders() else None


def package_folders(python: Path) -> list[Path]:
    """The folders to add to `sys.path` of `python`: where Blender put the extension's wheels, when it is its own."""
    own = own_interpreter()
    # An environment's interpreter is a link to the one that it was made of, in another folder.
    if own is None or python.resolve() != own.resolve() or python.parent.resolve() != own.parent.resolve():
        return []
    return list(dict.fromkeys(folder for folder in _folders() if folder))


def _folders() -> list[Path | None]:
    """Where each of MODULES would be imported from; nothing is imported."""
    specs = [importlib.util.find_spec(name) for name in MODULES]
    return [Path(spec.origin).parents[bool(spec.parent)] if spec and spec.origin else None for spec in specs]


def own_interpreter() -> Path | None:
    """Blender's own Python program, None where it has none. `sys.executable` names it; where a build leaves that empty,
    it is in `sys.prefix`."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    inside = ("python.exe",) if os.name == "nt" else (version, "python3")
    places = [Path(sys.executable or ""), *(Path(sys.prefix, "bin", name) for name in inside)]
    for path in places:
        if path.is_file() and path.stem.lower().startswith("python"):
            return path
    return None
