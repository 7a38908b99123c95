# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the Performance panel that turns speech into keyframes and says what the head follows."""

import bpy

from ..blender_types import Context
from ..head_objects import settings_of
from ..operators.bake_keyframes import TALKSPLAT_OT_bake_keyframes
from ..panel_base import HeadPanel, draw_button
from ..panel_text import draw_sentence
from ..self_contained.stored_head import is_self_contained
from ..speech.offset_panel import draw_offset
from .head_keyframes import has_keyframes

BAKE_PLAYS = "The bake plays: switch off Play from Bake to see the curves"
PLAYS = "The saved file plays without TalkSplat too"
# What a head follows -> what an artist should know of it
NOTES = {
    "CURVES": "Edit its channels in the Graph Editor",
    "MIX": "Key the weight to go from live speech to the keyframes and back",
    "ADD": "A key of 0 changes nothing; Bake to Keyframes makes one curve of both",
}


def note_of(obj: bpy.types.Object) -> str:
    """What an artist should know of what the head follows; "" for nothing."""
    settings = settings_of(obj)
    if settings.bake and settings.use_bake:
        return BAKE_PLAYS
    note = NOTES.get(settings.follow, "")
    return f"{note}. {PLAYS}" if settings.follow == "CURVES" and is_self_contained(obj) else note


class TALKSPLAT_PT_keyframes(HeadPanel, bpy.types.Panel):
    """The speech as curves."""

    bl_label = "Keyframes"
    bl_idname = "TALKSPLAT_PT_keyframes"
    bl_parent_id = "TALKSPLAT_PT_performance"

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The button, and below it what the head follows."""
        settings = settings_of(obj)
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        column.prop(settings, "key_frames", text="Frames")
        column.prop(settings, "key_tolerance")
        draw_button(column, context, TALKSPLAT_OT_bake_keyframes, "ACTION")
        if not has_keyframes(obj):
            return
        row = layout.row(align=True)
        row.prop(settings, "follow")
        row.operator("talksplat.remove_keyframes", text="", icon="X")
        if settings.follow in ("MIX", "ADD"):
            row = layout.row()
            row.use_property_decorate = True
            row.prop(settings, "curve_weight")
        if note := note_of(obj):
            draw_sentence(layout, context, note, "INFO")
        draw_offset(layout.column(), context, obj)
