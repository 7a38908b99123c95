# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the panels with Suggest Offset and what it found."""

import bpy

from ..blender_types import Context
from ..operators.suggest_offset import TALKSPLAT_OT_apply_offset, TALKSPLAT_OT_suggest_offset, suggestion_of
from ..panel_base import draw_button
from ..panel_text import draw_sentence


def draw_offset(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
    """The button; below it the suggestion, and the button that applies it."""
    column = layout.column()
    draw_button(column, context, TALKSPLAT_OT_suggest_offset, "TIME")
    found = suggestion_of(obj)
    if found is None:
        return
    draw_sentence(column, context, found.sentence, "INFO" if found.suggestion.frames is None else "CHECKMARK")
    if found.suggestion.frames:
        draw_sentence(column, context, found.meaning, "BLANK1")
        button = column.operator(TALKSPLAT_OT_apply_offset.bl_idname)
        button.frames = found.suggestion.frames  # pyright: ignore[reportAttributeAccessIssue]  (its own property)
        if reason := TALKSPLAT_OT_apply_offset.disabled_reason(context):
            draw_sentence(column, context, reason, "INFO")
