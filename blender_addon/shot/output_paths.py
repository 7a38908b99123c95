# SPDX-License-Identifier: GPL-3.0-or-later
"""Where bakes, renders and exports go: an artist's template with tokens (core.jobs.TOKENS) as an absolute path."""

from pathlib import Path

import bpy

from ...core.formats import UserError
from ...core.jobs import fill_path
from .. import open_files
from ..blender_types import current_context

# Of files and folders, on Windows, with any suffix: the devices of MS-DOS.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def file_name_of(obj: bpy.types.Object) -> str:
    """The object's name as a file or a folder may be called on every system."""
    return _cleaned(obj.name)


def _cleaned(name: str) -> str:
    name = bpy.path.clean_name(name)
    return f"{name}_" if name.lower() in RESERVED else name


def token_values(obj: bpy.types.Object) -> dict[str, str]:
    """Token -> what takes its place for a head; the version is found out where the files go."""
    context = current_context()
    names = {
        "shot": Path(bpy.data.filepath).stem or "untitled",
        "scene": context.scene.name,
        "head": obj.name,
        "camera": context.scene.camera.name if context.scene.camera else "",
        "view_layer": context.view_layer.name if context.view_layer else "",
    }
    return {token: _cleaned(name) for token, name in names.items() if name}


def unsaved_reason(template: str) -> str:
    """Why nothing can be written to `template` now: it is next to a .blend that was never saved; "" when it can."""
    is_relative = template.startswith("//") and not bpy.data.filepath
    return f"Save the .blend first, because {template} is next to it" if is_relative else ""


def output_path(template: str, obj: bpy.types.Object) -> str:
    """The template's absolute path for a head, with `v###` for a version. Raises UserError."""
    if not template:
        raise UserError("No output path is set; choose one in the panel.")
    if unsaved_reason(template):
        raise UserError(f"{template} is next to the .blend, which was never saved; save it or choose another folder.")
    return fill_path(open_files.absolute(template), token_values(obj))
