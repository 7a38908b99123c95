# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of the sliders, by Blender's own mechanism: the shipped ones are in blender_addon/presets, an artist's own
among Blender's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bl_operators.presets import AddPresetBase
from bpy.props import StringProperty

from ...core.performance import CONTROLS
from ..blender_types import Context, OperatorResult, current_context
from ..head_objects import head_of, locked_reason
from .operator_base import UNDOABLE, BaseOperator

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorTypeFlagItems

PANEL = "TALKSPLAT_PT_performance_presets"
SUBDIR = "talksplat/performance"  # below a folder "presets"
FOLDER = str(Path(__file__).parents[1])  # has our folder "presets"
# What belongs to the shot and not to the way of speaking: no preset changes it.
OF_THE_SHOT = ("delay", "blink", "gaze_x", "gaze_y")


INTERNAL: set[OperatorTypeFlagItems] = {"REGISTER", "INTERNAL"}  # what a dialog of Blender's own asks for


class TALKSPLAT_OT_performance_preset(BaseOperator, bpy.types.Operator):
    """Set the sliders as this preset has them; Delay, Blink and Gaze stay"""

    bl_idname = "talksplat.performance_preset"
    bl_label = "Performance Preset"
    bl_options = UNDOABLE

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head that can be changed."""
        return locked_reason(head_of(context))

    def run(self, context: Context) -> None:
        """Blender's own operator, for the head that the user means: a preset is of the active object."""
        with bpy.context.temp_override(object=head_of(context)):
            bpy.ops.script.execute_preset(filepath=self.filepath, menu_idname=PANEL)


class TALKSPLAT_OT_add_performance_preset(AddPresetBase, BaseOperator, bpy.types.Operator):
    """Save the sliders as a preset, or remove the preset; Delay, Blink and Gaze are not in it"""

    bl_idname = "talksplat.add_performance_preset"
    bl_label = "Add Performance Preset"
    bl_options = INTERNAL

    preset_menu = PANEL
    preset_subdir = SUBDIR
    preset_defines = ("controls = bpy.context.object.talksplat.controls",)
    preset_values = tuple(f"controls.{name}" for name in CONTROLS if name not in OF_THE_SHOT)

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head."""
        return "" if head_of(context) else "Select a head first"

    def execute(self, context: Context) -> OperatorResult:
        """Blender's own operator, for the head that the user means; what came with the add-on is not removed."""
        if self.remove_name and _is_shipped(self.name):  # pyright: ignore[reportAttributeAccessIssue]  (AddPresetBase)
            self.report({"WARNING"}, f"{self.name} came with TalkSplat and cannot be removed")
            return {"CANCELLED"}
        with bpy.context.temp_override(object=head_of(context)):
            return super().execute(current_context()) or {"FINISHED"}


def _is_shipped(name: str) -> bool:
    path = bpy.utils.preset_find(name, SUBDIR)
    return bool(path) and Path(path).is_relative_to(FOLDER)


CLASSES = (TALKSPLAT_OT_performance_preset, TALKSPLAT_OT_add_performance_preset)
