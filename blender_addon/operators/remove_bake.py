# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove Bake: the head follows its sliders again; the file stays on disk."""

import bpy

from .. import playback
from ..properties import head_of
from .operator_base import UNDOABLE, BaseOperator


class TALKSPLAT_OT_remove_bake(BaseOperator, bpy.types.Operator):
    """Let go of the bake, so that the sliders move the head again; the .bake file is kept"""

    bl_idname = "talksplat.remove_bake"
    bl_label = "Remove Bake"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        body = head_of(context)
        if body is None:
            return "Select a head first"
        return "" if body.talksplat.bake else "There is no bake"

    def act(self, context: bpy.types.Context) -> None:
        head_of(context).talksplat.bake = ""
        playback.refresh(context.scene)


CLASSES = (TALKSPLAT_OT_remove_bake,)
