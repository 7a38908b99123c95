# SPDX-License-Identifier: GPL-3.0-or-later
"""Where bakes, renders and exports go: an artist's template with `{head}` and `{version}` in it as an absolute path.

A version is v001, v002, ...: files sort by it.
"""

import glob
import re

import bpy

from ...core.formats import UserError
from .. import open_files

VERSION = "{version}"


# Of files and folders, on Windows, with any suffix: the devices of MS-DOS.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def file_name_of(obj: bpy.types.Object) -> str:
    """The object's name as a file or a folder may be called on every system."""
    name = bpy.path.clean_name(obj.name)
    return f"{name}_" if name.lower() in RESERVED else name


def unsaved_reason(template: str) -> str:
    """Why nothing can be written to `template` now: it is next to a .blend that was never saved; "" when it can."""
    is_relative = template.startswith("//") and not bpy.data.filepath
    return f"Save the .blend first, because {template} is next to it" if is_relative else ""


def output_path(template: str, obj: bpy.types.Object) -> str:
    """The template's absolute path for a head, `{version}` left as it is. Raises UserError."""
    if not template:
        raise UserError("No output path is set; choose one in the panel.")
    if unsaved_reason(template):
        raise UserError(f"{template} is next to the .blend, which was never saved; save it or choose another folder.")
    return open_files.absolute(template.replace("{head}", file_name_of(obj)))


def existing_versions(path: str) -> dict[int, str]:
    """Number -> file, of the files that are there with a number in place of `{version}`."""
    first, *rest = map(re.escape, path.split(VERSION))
    pattern = re.compile(first + r"v(?P<number>\d{3,})" + r"v(?P=number)".join(rest))
    files = glob.glob("v[0-9]*".join(map(glob.escape, path.split(VERSION))))
    matches = (pattern.fullmatch(file) for file in files)
    return {int(match["number"]): match[0] for match in matches if match}
