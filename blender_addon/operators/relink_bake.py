# SPDX-License-Identifier: GPL-3.0-or-later
"""Relink Bake: the head's bake has been moved."""

import bpy
from bpy.props import StringProperty

from ...core.formats import UserError
from .. import head_paths, open_files, playback
from ..blender_types import Context, OperatorResult
from ..head_objects import head_of, locked_reason, settings_of
from .operator_base import UNDOABLE, BaseOperator


class TALKSPLAT_OT_relink_bake(BaseOperator, bpy.types.Operator):
    """Choose where this head's bake is now"""

    bl_idname = "talksplat.relink_bake"
    bl_label = "Relink Bake"
    bl_options = UNDOABLE

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.bake", options={"HIDDEN"})

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head that can be changed."""
        return locked_reason(head_of(context))

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask for the file, starting at the old place."""
        obj = head_of(context)
        self.filepath = head_paths.path_of(obj, "bake") if obj else ""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> None:
        """Play the bake from its new place."""
        obj, path = head_of(context), open_files.absolute(self.filepath)
        if obj is None:
            return
        if open_files.bake(path).card.head_hash != settings_of(obj).head_hash:
            raise UserError(f"{path} is the bake of another head; choose one of this head.")
        head_paths.store_path(obj, "bake", path)
        playback.refresh(context.scene)


CLASSES = (TALKSPLAT_OT_relink_bake,)
