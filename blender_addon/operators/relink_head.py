# SPDX-License-Identifier: GPL-3.0-or-later
"""Relink and Reload: the head's file lies somewhere else now, or has been trained again."""

import bpy
from bpy.props import StringProperty

from ...core.formats import UserError
from .. import open_files, playback, saving
from ..properties import head_of
from .operator_base import UNDOABLE, BaseOperator


class _OfHead(BaseOperator):
    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return "" if head_of(context) else "Select a head first"


class TALKSPLAT_OT_relink_head(_OfHead, bpy.types.Operator):
    """Choose where this head's file is now"""

    bl_idname = "talksplat.relink_head"
    bl_label = "Relink"
    bl_options = UNDOABLE

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.head", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = open_files.absolute(head_of(context).talksplat.head)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def act(self, context: bpy.types.Context) -> None:
        body, path = head_of(context), open_files.absolute(self.filepath)
        if open_files.head(path).hash != body.talksplat.head_hash:
            raise UserError(
                f"{path} is another head than the one this object was made from; "
                "choose the right file, or load it as a head of its own."
            )
        saving.load_head(body, path)
        playback.refresh(context.scene)


class TALKSPLAT_OT_reload_head(_OfHead, bpy.types.Operator):
    """Read the head's file again, whatever it holds now"""

    bl_idname = "talksplat.reload_head"
    bl_label = "Reload"
    bl_options = UNDOABLE

    def act(self, context: bpy.types.Context) -> None:
        playback.forget_frames()
        body = head_of(context)
        saving.load_head(body, open_files.absolute(body.talksplat.head))
        playback.refresh(context.scene)


CLASSES = (TALKSPLAT_OT_relink_head, TALKSPLAT_OT_reload_head)
