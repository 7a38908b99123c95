# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels of what leaves Blender: the render and the export of a head's bake."""

from __future__ import annotations

import bpy

from ...core.baking import PASSES
from ...core.exporting import EXPORTERS
from ..blender_types import Context
from ..f12 import pictures as f12_pictures
from ..head_objects import other_heads, settings_of
from ..head_state import draw_view_transform
from ..operators.add_to_compositor import TALKSPLAT_OT_add_to_compositor
from ..operators.exact_colour import (
    TALKSPLAT_OT_exact_colour,
    TALKSPLAT_OT_remove_exact_colour,
    has_exact_colour,
    heads_to_correct,
)
from ..operators.export_jobs import TALKSPLAT_OT_export_jobs
from ..operators.export_sequence import TALKSPLAT_OT_export_sequence
from ..operators.render_sequence import TALKSPLAT_OT_render_sequence
from ..operators.show_in_f12 import TALKSPLAT_OT_remove_from_f12, TALKSPLAT_OT_show_in_f12
from ..panel_base import HeadPanel, draw_button, draw_outcome
from ..panel_text import draw_sentence
from ..scene.versions import draws_splats, version_name
from .picture_heads import visible_heads
from .render_notes import render_notes


class TALKSPLAT_PT_render(HeadPanel, bpy.types.Panel):
    """What to render of the bake."""

    bl_label = "Render"
    bl_idname = "TALKSPLAT_PT_render"

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The folder, the view, the files, what the EXR files hold, and the button."""
        settings = settings_of(obj)
        layout.prop(settings, "render_out", text="")
        layout.prop(settings, "render_name", placeholder="As the bake")
        layout.prop(settings, "render_frames", text="")
        layout.prop(settings, "view", text="")
        if settings.view == "HEAD":
            layout.prop(settings, "size")
        elif visible_heads(context.scene)[1:]:
            layout.prop(settings, "all_heads")
        if settings.view == "SCENE":
            layout.prop(settings, "holdout", text="", placeholder="Holdout Depth")
        row = layout.split(factor=0.5)  # the label is cut at Blender's own share
        row.label(text="Supersampling")
        row.prop(settings, "supersampling", text="")
        row, is_on = layout.row(), context.scene.render.use_motion_blur
        row.active = is_on
        row.prop(settings, "motion_blur", text="Motion Blur" if is_on else "Motion Blur (off in the scene)")
        row = layout.row(align=True)
        for name in ("png", "exr", "movie"):
            row.prop(settings, name, toggle=True)
        row = layout.row(align=True)
        row.prop(settings, "movie_format", text="")
        row.prop(settings, "wav", toggle=True)
        column = layout.column(align=True)
        column.active = settings.exr
        row = column.row(align=True)
        row.prop(settings, "exr_layout", text="")
        row.prop(settings, "space", text="")
        row = column.row(align=True)
        row.prop(settings, "exr_compression", text="")
        row.prop(settings, "full_float", toggle=True)
        column.prop(settings, "overscan")
        if settings.exr_layout == "nuke":
            column.prop(settings, "nuke_script", toggle=True)
        passes = column.grid_flow(row_major=True, columns=2, align=True, even_columns=True)
        for name in PASSES:
            passes.prop(settings.passes, name, toggle=True)
        layout.prop(settings, "publish")
        for note in render_notes(context.scene, obj):
            draw_sentence(layout, context, note, "INFO")
        draw_button(layout, context, TALKSPLAT_OT_render_sequence, "RENDER_RESULT")
        draw_button(layout, context, TALKSPLAT_OT_add_to_compositor, "NODE_COMPOSITING")
        draw_button(layout, context, TALKSPLAT_OT_export_jobs, "NETWORK_DRIVE")
        if draws_splats():
            _draw_exact_colour(layout, context)
        if not draws_splats() or f12_pictures.is_shown(context.scene):
            _draw_f12(layout, context)
        draw_view_transform(layout, context)


def _draw_f12(layout: bpy.types.UILayout, context: Context) -> None:
    """What F12 shows of the heads where Blender draws no splats, and the button that changes it."""
    if not f12_pictures.is_shown(context.scene):
        line = f"Blender {version_name()} leaves splats out of its own renders (F12)"
        draw_sentence(layout, context, line, "INFO")
        draw_button(layout, context, TALKSPLAT_OT_show_in_f12, "NODE_COMPOSITING")
        return
    line = (
        "F12 shows each head as Render Sequence draws its bake, by depth, without reflections and motion blur; "
        "only a proxy mesh casts a shadow"
    )
    if draws_splats():
        line = "The compositor lays older pictures of the heads over those that Blender draws itself: remove them"
    draw_sentence(layout, context, line, "INFO")
    row = layout.row(align=True)
    if not draws_splats() and not f12_pictures.is_current(context.scene):
        row.operator(TALKSPLAT_OT_show_in_f12.bl_idname, text="Update F12", icon="FILE_REFRESH")
    row.operator(TALKSPLAT_OT_remove_from_f12.bl_idname, icon="X")
    draw_outcome(layout, context, TALKSPLAT_OT_show_in_f12, TALKSPLAT_OT_remove_from_f12)


def _draw_exact_colour(layout: bpy.types.UILayout, context: Context) -> None:
    """Which of its two blendings of a head's colours F12 shows."""
    if has_exact_colour(context.scene):
        draw_button(layout, context, TALKSPLAT_OT_remove_exact_colour, "X")
        return
    if not heads_to_correct(context.scene):
        draw_sentence(layout, context, "F12 blends these heads as they were trained, in linear light", "INFO")
        return
    draw_sentence(
        layout, context, "F12 blends a head in linear light, which greys fine edges: Exact Colour mends it", "INFO"
    )
    draw_button(layout, context, TALKSPLAT_OT_exact_colour, "NODE_COMPOSITING")


class TALKSPLAT_PT_export(HeadPanel, bpy.types.Panel):
    """What to export of the bake."""

    bl_label = "Export"
    bl_idname = "TALKSPLAT_PT_export"

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The folder, the format and what it lets one choose, and the button."""
        settings = settings_of(obj)
        layout.prop(settings, "export_out", text="")
        layout.prop(settings, "export_frames", text="")
        row = layout.row(align=True)
        row.prop(settings, "export_format", text="")
        exporter = EXPORTERS[settings.export_format]
        if len(exporter.axes) > 1:
            row.prop(settings, "export_axes", text="")
        if exporter.plan_shot:
            column = layout.column(align=True)
            column.prop(settings, "export_half", toggle=True)
            column.prop(settings, "export_clip")
            if others := other_heads(context, obj):
                draw_sentence(
                    layout, context, f"With {' and '.join(head.name for head in others)}", "OUTLINER_OB_POINTCLOUD"
                )
        draw_button(layout, context, TALKSPLAT_OT_export_sequence, "EXPORT")
