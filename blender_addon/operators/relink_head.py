# SPDX-License-Identifier: GPL-3.0-or-later
"""Relink and Reload: the head's file has been moved, or has been trained again."""

import bpy
from bpy.props import StringProperty

from ...core.formats import UserError
from .. import head_paths, open_files, playback
from ..blender_types import Context
from ..head_cloud import load_head
from ..head_objects import head_of, settings_of
from .operator_base import UNDOABLE
from .relink_base import HeadOperator, RelinkOperator


class TALKSPLAT_OT_relink_head(RelinkOperator, bpy.types.Operator):
    """Choose where this head's file is now"""

    bl_idname = "talksplat.relink_head"
    bl_label = "Relink Head"
    bl_options = UNDOABLE
    path_name = "head"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.head", options={"HIDDEN"})

    def run(self, context: Context) -> None:
        """Load the same head from its new place."""
        obj, path = head_of(context), open_files.absolute(self.filepath)
        if obj is None:
            return
        if open_files.head(path).hash != settings_of(obj).head_hash:
            raise UserError(f"{path} is another head; choose the file of this one, or use Add Another Head.")
        load_head(obj, path)
        playback.refresh(context.scene)


class TALKSPLAT_OT_reload_head(HeadOperator, bpy.types.Operator):
    """Read the head's file again, whatever it holds now"""

    bl_idname = "talksplat.reload_head"
    bl_label = "Reload"
    bl_options = UNDOABLE

    def run(self, context: Context) -> None:
        """Load the head from its file."""
        playback.forget_frames()
        if obj := head_of(context):
            load_head(obj, head_paths.path_of(obj, "head"))
        playback.refresh(context.scene)


CLASSES = (TALKSPLAT_OT_relink_head, TALKSPLAT_OT_reload_head)
