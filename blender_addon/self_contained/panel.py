# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel that says what of a head the .blend keeps, how large that is, and whether the file plays by itself."""

import bpy

from .. import running
from ..blender_types import Context
from ..head_objects import settings_of
from ..operators.make_self_contained import TALKSPLAT_OT_make_self_contained
from ..panel_base import CLOSED, HeadPanel, draw_button
from ..panel_text import draw_sentence
from ..scene.stored_frames import frames_modifier_of
from .stored_head import count_unkeyed, is_self_contained, stored_bytes

PLAYS = "The saved file plays without TalkSplat: from Blender 5.3 on as splats, before as points"
UNKEYED = "Without TalkSplat the corrections that are not in the keyframes are missing ({}): press Bake to Keyframes"
NEEDS_FILES = "The saved file needs TalkSplat and the head's file"


class TALKSPLAT_PT_self_contained(HeadPanel, bpy.types.Panel):
    """The head without the add-on."""

    bl_label = "Self-Contained File"
    bl_idname = "TALKSPLAT_PT_self_contained"
    bl_options = CLOSED

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The choice with its size beside it, the button, and what the saved file can do."""
        settings = settings_of(obj)
        row = layout.row(align=True)
        row.prop(settings.stored, "keep", text="")
        size = stored_bytes(obj, context.scene)
        row.label(text="" if size is None else megabytes(size))
        if settings.stored.keep != "PATHS":
            column = layout.column(align=True)
            column.prop(settings.stored, "side_colour")
            column.prop(settings.stored, "pack_sound")
        row = layout.row(align=True)
        draw_button(row.column(), context, TALKSPLAT_OT_make_self_contained, "PACKAGE")
        if frames_modifier_of(obj):
            row.operator("talksplat.remove_stored_frames", text="", icon="X")
        if not running.now:
            draw_sentence(layout, context, PLAYS if is_self_contained(obj) else NEEDS_FILES, "INFO")
        if count := count_unkeyed(obj):
            draw_sentence(layout, context, UNKEYED.format(count), "ERROR")
        if frames_modifier_of(obj) and is_self_contained(obj):
            draw_sentence(layout, context, "After a change press the button again: the frames stay as stored", "INFO")


def megabytes(size: int) -> str:
    """12345678 -> "12.3 MB"."""
    return f"{size / 1e6:.1f} MB"
