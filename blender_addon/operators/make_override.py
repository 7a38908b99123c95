# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Library Override: a linked head gets sliders, a sound strip and a bake of its own in this file."""

import bpy

from ...core.formats import UserError
from .. import playback
from ..blender_types import Context
from ..head_objects import head_of, placed_heads
from .operator_base import UNDOABLE, BaseOperator


class TALKSPLAT_OT_make_override(BaseOperator, bpy.types.Operator):
    """Make a library override of this linked head, so that it can speak and be animated in this file"""

    bl_idname = "talksplat.make_override"
    bl_label = "Make Library Override"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a linked head in a scene of this file."""
        obj = head_of(context)
        if obj is None or obj.library is None:
            return "Select a linked head first"
        return "Link the head into a scene of this file first" if context.scene.library else ""

    def run(self, context: Context) -> None:
        """Override the head, or the collection that instances it, and select the new head."""
        linked = head_of(context)
        owner = next(owner for head, _, owner in placed_heads(context.scene) if head == linked)
        context.view_layer.objects.active = owner
        owner.select_set(True)
        bpy.ops.object.make_override_library()
        heads = [obj for obj in context.scene.objects if _overrides(obj, linked)]
        if not heads:
            raise UserError(f"{owner.name} could not be overridden; use Object > Library Override in the 3D view.")
        context.view_layer.objects.active = heads[0]
        heads[0].select_set(True)
        playback.load_clouds()


def _overrides(obj: bpy.types.Object, linked: bpy.types.Object | None) -> bool:
    return obj.override_library is not None and obj.override_library.reference == linked


CLASSES = (TALKSPLAT_OT_make_override,)
