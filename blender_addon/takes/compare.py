# SPDX-License-Identifier: GPL-3.0-or-later
"""Which heads show another take in the viewport, for comparing. Kept for the session alone: comparing changes nothing
in the file, so there is nothing to undo, to save or to bake again."""

import bpy

from ..head_objects import settings_of
from .blend import is_blending

_comparing: set[int] = set()  # session numbers of objects


def is_comparing(obj: bpy.types.Object) -> bool:
    """Whether Compare is pressed and there is a take to compare with."""
    return compared_row(obj) is not None and obj.session_uid in _comparing


def compared_row(obj: bpy.types.Object) -> int | None:
    """The row that Compare shows; None where none is named, or the active one is, unless that one is in a blend."""
    settings = settings_of(obj)
    row = settings.takes.find(settings.compare_with) if settings.compare_with else -1
    return None if row < 0 or (row == settings.loaded_take and not is_blending(obj)) else row


def shown_row(obj: bpy.types.Object) -> int | None:
    """The row that the viewport shows in place of what the head speaks; None: that itself, as in every render."""
    return compared_row(obj) if is_comparing(obj) and not bpy.app.is_job_running("RENDER") else None


def toggle(obj: bpy.types.Object) -> None:
    """Show the other one."""
    _comparing.symmetric_difference_update({obj.session_uid})


def end(obj: bpy.types.Object) -> None:
    """Show what the head speaks."""
    _comparing.discard(obj.session_uid)
