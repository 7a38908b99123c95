# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove Bake: the head follows its sliders again; the file stays on disk."""

import bpy

from ..head_objects import settings_of
from .operator_base import UNDOABLE
from .remove_base import RemoveOperator


class TALKSPLAT_OT_remove_bake(RemoveOperator, bpy.types.Operator):
    """Stop playing the bake, so that the sliders move the head again; the .bake file is kept"""

    bl_idname = "talksplat.remove_bake"
    bl_label = "Remove Bake"
    bl_options = UNDOABLE
    nothing_there = "There is no bake"

    @classmethod
    def is_there(cls, obj: bpy.types.Object) -> bool:
        """Whether there is something to remove."""
        return bool(settings_of(obj).bake)

    def remove(self, obj: bpy.types.Object) -> None:
        """Remove it."""
        settings_of(obj).bake = ""


CLASSES = (TALKSPLAT_OT_remove_bake,)
