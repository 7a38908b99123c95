# SPDX-License-Identifier: GPL-3.0-or-later
"""The USD library that comes with Blender."""

import importlib.util
import sys
from pathlib import Path

import bpy


def find_blenders_usd() -> bool:
    """Whether `pxr` can be imported in this process; some builds of Blender have none.

    Blender's Python module (`import bpy`) carries it as Blender does, but not on the import path: it is put there.
    """
    if importlib.util.find_spec("pxr") is not None:
        return True
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    inside = Path(bpy.utils.resource_path("LOCAL"), "python", "lib")
    for folder in (inside / python / "site-packages", inside / "site-packages"):
        if (folder / "pxr").is_dir():
            sys.path.append(str(folder))
            return importlib.util.find_spec("pxr") is not None
    return False
