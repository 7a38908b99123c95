# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons beside the list of takes, and Compare."""

import bpy
from bpy.props import EnumProperty

from .. import playback
from ..blender_types import Context
from ..head_objects import head_of, locked_reason, settings_of
from ..takes import compare as take_compare
from ..takes import take_list as takes
from ..takes.blend import active_row
from .operator_base import UNDOABLE, BaseOperator


class _TakeOperator(BaseOperator):
    """Of a head with takes."""

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a take."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        if not settings_of(obj).takes:
            return "Press Add Take first"
        return "Choose a take first" if active_row(obj) is None else ""


class TALKSPLAT_OT_add_take(BaseOperator, bpy.types.Operator):
    """Add a take of what is attached now; then attach another strip to it. The first take keeps the bake"""

    bl_idname = "talksplat.add_take"
    bl_label = "Add Take"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head of this file."""
        return locked_reason(head_of(context))

    def run(self, context: Context) -> None:
        """Add it."""
        if obj := head_of(context):
            takes.add_take(obj)


class TALKSPLAT_OT_duplicate_take(_TakeOperator, bpy.types.Operator):
    """Add a copy of the active take, its bake included; no file is copied"""

    bl_idname = "talksplat.duplicate_take"
    bl_label = "Duplicate Take"
    bl_options = UNDOABLE

    def run(self, context: Context) -> None:
        """Add it."""
        if obj := head_of(context):
            takes.duplicate_take(obj)


class _RowOperator(_TakeOperator):
    """Changes where the active row is."""

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a row of this file."""
        obj = head_of(context)
        if (reason := super().disabled_reason(context)) or obj is None:
            return reason
        row = active_row(obj)
        is_of_library = row is not None and takes.is_of_library(obj, row)
        return "The take is the library's: remove or move it there" if is_of_library else ""


class TALKSPLAT_OT_remove_take(_RowOperator, bpy.types.Operator):
    """Remove the active take from the list; its strips, its performances and its bakes stay"""

    bl_idname = "talksplat.remove_take"
    bl_label = "Remove Take"
    bl_options = UNDOABLE

    def run(self, context: Context) -> None:
        """Remove it."""
        if obj := head_of(context):
            takes.remove_take(obj)


class TALKSPLAT_OT_move_take(_RowOperator, bpy.types.Operator):
    """Move the active take up or down in the list"""

    bl_idname = "talksplat.move_take"
    bl_label = "Move Take"
    bl_options = UNDOABLE

    direction: EnumProperty(name="Direction", items=[("UP", "Up", ""), ("DOWN", "Down", "")])

    def run(self, context: Context) -> None:
        """Move it."""
        if obj := head_of(context):
            takes.move_take(obj, -1 if self.direction == "UP" else 1)


class TALKSPLAT_OT_compare_takes(BaseOperator, bpy.types.Operator):
    """Show the other take in the viewport, and on the next press the active one again. Renders and bakes are of the
    active one all the same. For a shortcut, right-click this button"""

    bl_idname = "talksplat.compare_takes"
    bl_label = "Compare"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs another take."""
        obj = head_of(context)
        if obj is None:
            return locked_reason(obj)
        return "" if take_compare.compared_row(obj) is not None else "Choose another take to compare with"

    def run(self, context: Context) -> None:
        """Show it."""
        if obj := head_of(context):
            take_compare.toggle(obj)
        playback.refresh(context.scene)


CLASSES = (
    TALKSPLAT_OT_add_take,
    TALKSPLAT_OT_duplicate_take,
    TALKSPLAT_OT_remove_take,
    TALKSPLAT_OT_move_take,
    TALKSPLAT_OT_compare_takes,
)
