# SPDX-License-Identifier: GPL-3.0-or-later
"""Add Correction and Close Lips Here: a change of the pose at this frame; and what the list of them can do."""

import bpy
from bpy.props import IntProperty

from ...core.formats import UserError
from .. import head_paths, playback
from ..blender_types import Context
from ..corrections.rows import LIPS, add_correction, close_lips, remove_correction, rig_of
from ..head_objects import head_of, locked_reason, settings_of
from .operator_base import UNDOABLE, BaseOperator


class CorrectionOperator(BaseOperator):
    """Adds a correction at the scene's frame."""

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with a rig."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        if reason := head_paths.missing_head_reason(obj):
            return reason
        try:
            rig_of(obj)
        except UserError:
            return "The head has no rig: press Make Rig"
        return ""

    def add(self, context: Context, obj: bpy.types.Object) -> None:
        """Make it. Raises UserError."""
        raise NotImplementedError

    def run(self, context: Context) -> None:
        """Add it and show it."""
        if obj := head_of(context):
            self.add(context, obj)
        playback.refresh(context.scene)


class TALKSPLAT_OT_add_correction(CorrectionOperator, bpy.types.Operator):
    """Add a correction at this frame, on top of the speech. Channels that were moved here without a key become the
    correction; else move its sliders below the list"""

    bl_idname = "talksplat.add_correction"
    bl_label = "Add Correction"
    bl_options = UNDOABLE

    def add(self, context: Context, obj: bpy.types.Object) -> None:
        """Make it. Raises UserError."""
        add_correction(context.scene, obj, "Correction")


class TALKSPLAT_OT_close_lips(CorrectionOperator, bpy.types.Operator):
    """Add a correction that closes the lips at this frame, such as at a p, b or m"""

    bl_idname = "talksplat.close_lips"
    bl_label = "Close Lips Here"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a rig that can close them."""
        obj = head_of(context)
        if (reason := super().disabled_reason(context)) or obj is None:
            return reason
        is_there = any(channel.name == LIPS for channel in rig_of(obj).channels)
        return "" if is_there else "The head has no channel that opens and closes the lips"

    def add(self, context: Context, obj: bpy.types.Object) -> None:
        """Make it. Raises UserError."""
        close_lips(context.scene, obj)


class ListOperator(BaseOperator):
    """Does something with one correction of the list."""

    index: IntProperty(name="Correction", description="Its place in the list; -1 is the chosen one", default=-1)

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with corrections."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        return "" if settings_of(obj).corrections else "There are no corrections"

    def chosen(self, obj: bpy.types.Object) -> int:
        """The correction that is meant, which becomes the chosen one. Raises UserError where there is none."""
        settings = settings_of(obj)
        index = settings.active_correction if self.index < 0 else self.index
        if index >= len(settings.corrections):
            raise UserError(f"{obj.name} has {len(settings.corrections)} corrections; choose one in the list.")
        settings.active_correction = index
        return index


class TALKSPLAT_OT_remove_correction(ListOperator, bpy.types.Operator):
    """Remove this correction"""

    bl_idname = "talksplat.remove_correction"
    bl_label = "Remove Correction"
    bl_options = UNDOABLE

    def run(self, context: Context) -> None:
        """Remove it; the one before it is chosen."""
        if obj := head_of(context):
            remove_correction(obj, self.chosen(obj))
        playback.refresh(context.scene)


class TALKSPLAT_OT_jump_to_correction(ListOperator, bpy.types.Operator):
    """Go to the frame of this correction"""

    bl_idname = "talksplat.jump_to_correction"
    bl_label = "Jump to Correction"
    bl_options = UNDOABLE

    def run(self, context: Context) -> None:
        """Go there."""
        if obj := head_of(context):
            context.scene.frame_set(settings_of(obj).corrections[self.chosen(obj)].frame)


CLASSES = (
    TALKSPLAT_OT_add_correction,
    TALKSPLAT_OT_close_lips,
    TALKSPLAT_OT_remove_correction,
    TALKSPLAT_OT_jump_to_correction,
)
