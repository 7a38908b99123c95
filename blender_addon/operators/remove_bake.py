# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove Bake: the head follows its sliders again; the file stays on disk."""

import bpy

from .. import playback
from ..blender_types import Context
from ..head_objects import head_of, locked_reason, settings_of
from .operator_base import UNDOABLE, BaseOperator


class TALKSPLAT_OT_remove_bake(BaseOperator, bpy.types.Operator):
    """Stop playing the bake, so that the sliders move the head again; the .bake file is kept"""

    bl_idname = "talksplat.remove_bake"
    bl_label = "Remove Bake"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with a bake."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        return "" if settings_of(obj).bake else "There is no bake"

    def run(self, context: Context) -> None:
        """Remove it from the head."""
        if obj := head_of(context):
            settings_of(obj).bake = ""
        playback.refresh(context.scene)


CLASSES = (TALKSPLAT_OT_remove_bake,)
