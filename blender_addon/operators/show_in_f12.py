# SPDX-License-Identifier: GPL-3.0-or-later
"""Show in F12, and Remove from F12: our pictures of the heads in the compositor, where Blender draws no splats."""

import bpy

from ..blender_types import Context
from ..f12 import pictures as f12_pictures
from ..head_objects import heads_of
from ..scene.versions import draws_splats, version_name
from .operator_base import UNDOABLE, BaseOperator


class TALKSPLAT_OT_show_in_f12(BaseOperator, bpy.types.Operator):
    """Lay the rendered heads over Blender's own renders, by depth, in the compositor. Missing pictures are rendered \
while Blender renders"""

    bl_idname = "talksplat.show_in_f12"
    bl_label = "Show in F12"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs heads and a place for their pictures."""
        if draws_splats():
            return f"Blender {version_name()} draws splats itself"
        if not heads_of(context.scene):
            return "The scene has no head"
        if reason := f12_pictures.unsaved_head_reason(context.scene):
            return reason
        return "F12 shows every head already" if f12_pictures.is_current(context.scene) else ""

    def run(self, context: Context) -> None:
        """Make the nodes, in place of those before."""
        f12_pictures.show(context.scene)


class TALKSPLAT_OT_remove_from_f12(BaseOperator, bpy.types.Operator):
    """Remove the heads from the compositor; the rest of it stays as it is, and so do the pictures on disk"""

    bl_idname = "talksplat.remove_from_f12"
    bl_label = "Remove from F12"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """What is not there cannot be removed."""
        return "" if f12_pictures.is_shown(context.scene) else "No head is in the compositor"

    def run(self, context: Context) -> None:
        """Remove the nodes."""
        f12_pictures.hide(context.scene)


CLASSES = (TALKSPLAT_OT_show_in_f12, TALKSPLAT_OT_remove_from_f12)
