# SPDX-License-Identifier: GPL-3.0-or-later
"""The name by which a sound of the .blend is known from one session to the next: its file's absolute path, or, for one
that is packed and has no file, its own name in the .blend."""

import os

import bpy

PACKED = "packed:"  # begins the name of a sound without a file; no absolute path does


def sound_source(sound: bpy.types.Sound | None) -> str:
    """The name; "" for a strip without a sound."""
    if sound is None:
        return ""
    if not sound.filepath:
        return PACKED + sound.name if sound.packed_file is not None else ""
    return os.path.normpath(bpy.path.abspath(sound.filepath, library=sound.library))


def find_sound(source: str) -> bpy.types.Sound | None:
    """The sound of that name, or None."""
    return next((sound for sound in bpy.data.sounds if sound_source(sound) == source), None) if source else None
