# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets in the header of the Performance panel."""

import bpy
from bl_ui.utils import PresetPanel

from .operators.performance_presets import (
    FOLDER,
    SUBDIR,
    TALKSPLAT_OT_add_performance_preset,
    TALKSPLAT_OT_performance_preset,
)


class TALKSPLAT_PT_performance_presets(PresetPanel, bpy.types.Panel):
    """The shipped presets and the user's own."""

    bl_label = "Performance Presets"
    preset_subdir = SUBDIR
    preset_operator = TALKSPLAT_OT_performance_preset.bl_idname
    preset_add_operator = TALKSPLAT_OT_add_performance_preset.bl_idname


def register() -> None:
    """Called by the add-on's own `register`."""
    bpy.utils.register_class(TALKSPLAT_PT_performance_presets)
    bpy.utils.register_preset_path(FOLDER)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    bpy.utils.unregister_preset_path(FOLDER)
    bpy.utils.unregister_class(TALKSPLAT_PT_performance_presets)
