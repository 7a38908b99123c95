# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the Performance panel with the corrections: the list of them, and the one that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..blender_types import Context
from ..head_objects import settings_of
from ..operators.corrections import TALKSPLAT_OT_add_correction, TALKSPLAT_OT_close_lips
from ..panel_base import HeadPanel, draw_button
from ..panel_text import draw_sentence
from ..properties import TalkSplatHead
from ..scene.pose_channels import is_detail, label_of_name
from .properties import TalkSplatCorrection

KEYED = "In the keyframes: after a change bake them again, or switch this off"


class TALKSPLAT_UL_corrections(bpy.types.UIList):
    """One row a correction: its name, its frame, whether it counts."""

    if TYPE_CHECKING:
        layout: bpy.types.UILayout

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        settings: TalkSplatHead,
        item: TalkSplatCorrection,
        _icon: int,
        _active_data: TalkSplatHead,
        _active_property: str | None,
        index: int | None = 0,
        *_: object,
    ) -> None:
        """The row."""
        row = layout.row(align=True)
        row.active = not item.mute
        row.prop(item, "name", text="", emboss=False)
        if item.is_keyed:
            row.prop(item, "is_keyed", text="", icon="KEYFRAME_HLT", emboss=False)
        jump = row.operator("talksplat.jump_to_correction", text=str(item.frame), emboss=False)
        setattr(jump, "index", index)  # noqa: B010  (the operator's own)
        row.prop(item, "mute", text="", icon="HIDE_ON" if item.mute else "HIDE_OFF", emboss=False)


class TALKSPLAT_PT_corrections(HeadPanel, bpy.types.Panel):
    """Changes of the pose at a frame."""

    bl_label = "Corrections"
    bl_idname = "TALKSPLAT_PT_corrections"
    bl_parent_id = "TALKSPLAT_PT_performance"

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The buttons, the list, and the chosen one's sliders."""
        settings = settings_of(obj)
        column = layout.column()
        draw_button(column, context, TALKSPLAT_OT_add_correction, "ADD")
        if not TALKSPLAT_OT_close_lips.disabled_reason(context):
            draw_button(column, context, TALKSPLAT_OT_close_lips)
        if not settings.corrections:
            return
        row = layout.row()
        row.template_list(
            "TALKSPLAT_UL_corrections", "", settings, "corrections", settings, "active_correction", rows=3
        )
        row.operator("talksplat.remove_correction", text="", icon="REMOVE")
        if settings.active_correction < len(settings.corrections):
            self._draw_chosen(layout, context, settings.corrections[settings.active_correction])
        if settings.bake and settings.use_bake:
            draw_sentence(layout, context, "The bake plays: switch off Play from Bake to see the corrections", "INFO")

    @staticmethod
    def _draw_chosen(layout: bpy.types.UILayout, context: Context, item: TalkSplatCorrection) -> None:
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        column.active = not item.mute
        column.prop(item, "frame")
        column.prop(item, "strength", slider=True)
        times = column.column(align=True)
        for name in ("blend_in", "hold", "blend_out"):
            times.prop(item, name)
        if item.is_keyed:
            draw_sentence(layout, context, KEYED, "INFO")
        named = [change for change in item.changes if not is_detail(change.name)]
        for title, changes in (("Pose", named), ("Details", [c for c in item.changes if c not in named])):
            header, body = column.panel(f"talksplat_correction_{title.lower()}", default_closed=title == "Details")
            header.label(text=title)
            if body is None:
                continue
            sliders = body.column(align=True)
            sliders.use_property_split = False  # "Mouth Width Side" is read whole inside of its slider
            for change in changes:
                sliders.prop(change, "value", text=label_of_name(change.name))


CLASSES = (TALKSPLAT_UL_corrections, TALKSPLAT_PT_corrections)
