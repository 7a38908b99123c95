# SPDX-License-Identifier: GPL-3.0-or-later
"""What Render Sequence wrote last of a head: where its EXR files are, and whether they are all there."""

import os
import re
from pathlib import Path

import bpy

from ...core.formats import UserError
from .. import open_files
from ..compositing.sequence_over import SPACES, Sequence
from ..head_objects import settings_of

NUMBERED = re.compile(r"(.*?)(-?\d+)\.exr")


def remember(obj: bpy.types.Object, result: dict, layout: str, space: str) -> None:
    """Keep what a render of the head gave."""
    settings, first = settings_of(obj), result.get("first_exr", "")
    path = os.path.join(result["folder"], first) if first and layout == "blender" else ""
    settings.rendered = _beside_the_file(path) if path else ""
    settings.rendered_space = space if space in SPACES else ""


def _beside_the_file(path: str) -> str:
    """As the .blend has paths: from its own folder on, where it has one on that drive."""
    try:
        return bpy.path.relpath(path) if bpy.data.filepath else path
    except ValueError:
        return path


def missing_reason(obj: bpy.types.Object) -> str:
    """Why there is no sequence to show, in one sentence; "" where there is one."""
    path = settings_of(obj).rendered
    if not path:
        return "Render the sequence first, as EXR with the layers of Blender"
    if not settings_of(obj).rendered_space:
        return "Render the sequence in one of Blender's own colour spaces"
    return "" if Path(open_files.absolute(path)).is_file() else f"{path} is not there: render the sequence again"


def rendered_sequence(obj: bpy.types.Object) -> Sequence:
    """Raises UserError where frames are missing between its first and its last."""
    first = Path(open_files.absolute(settings_of(obj).rendered))
    match = NUMBERED.fullmatch(first.name)
    if match is None:
        raise UserError(f"{first}: has no frame number; render the sequence again.")
    found = [NUMBERED.fullmatch(path.name) for path in first.parent.glob("*.exr")]
    numbers = sorted(int(each[2]) for each in found if each and each[1] == match[1])
    begin = int(match[2])
    numbers = [number for number in numbers if number >= begin]
    missing = sorted(set(range(begin, numbers[-1] + 1)) - set(numbers))
    if missing:  # Blender's Image node loses its passes, and their links, at a frame without a file
        raise UserError(f"{first.parent}: frame {missing[0]} is missing; render every frame, without a step.")
    return Sequence(obj.name, str(first), begin, len(numbers), settings_of(obj).rendered_space)
