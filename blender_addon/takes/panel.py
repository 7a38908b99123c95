# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of a head's takes: which one it speaks, how they are blended, which two are compared."""

from __future__ import annotations

import re
from pathlib import PurePath

import bpy

from .. import head_paths, open_files
from ..blender_types import Context
from ..head_objects import head_of, settings_of
from ..panel_base import HeadPanel
from ..panel_text import draw_sentence
from ..properties import TalkSplatHead
from ..speech.attached_sounds import silent_reason
from . import compare as take_compare
from .blend import is_blending, shares_now, speech_at
from .properties import TalkSplatTake
from .take_list import owner_of

WHAT_A_TAKE_IS = "Takes keep several readings of a line, or several bakes, and switch between them"
NO_RIG = "Takes are blended by the head's rig, and it has none: press Make Rig"
CURVES_PLAY = "The keyframes play: set Follow to Speech to see the takes"
VERSION = re.compile(r"v\d{3,}(?!.*v\d{3,})")


class TALKSPLAT_UL_takes(bpy.types.UIList):
    """A row: the name, the version of the bake, the weight."""

    bl_idname = "TALKSPLAT_UL_takes"

    def draw_item(self, _context, layout, data: TalkSplatHead, item: TalkSplatTake, _icon, _of, _active) -> None:
        """Draw a row."""
        obj, number = owner_of(item), data.takes.find(item.name)
        split = layout.split(factor=0.62 if data.blend_takes else 1.0)
        row, is_shown = split.row(align=True), number in self._shown_rows(obj)
        row.prop(item, "name", text="", emboss=False, icon="HIDE_OFF" if is_shown else "BLANK1")
        if bake := speech_at(obj, number).bake:
            found = VERSION.search(PurePath(bake.replace("\\", "/")).stem)
            label = row.row()
            label.alignment = "RIGHT"
            label.label(text=found[0] if found else "Bake")
        if data.blend_takes:
            weight = split.row()
            weight.active = is_blending(obj)
            weight.prop(item, "weight", text="", slider=True)

    @staticmethod
    def _shown_rows(obj: bpy.types.Object) -> list[int]:
        """The rows of what is seen."""
        if (compared := take_compare.shown_row(obj)) is not None:
            return [compared]
        return [row for row, _ in shares_now(obj, obj)] or [settings_of(obj).loaded_take]


class TALKSPLAT_PT_takes(HeadPanel, bpy.types.Panel):
    """Several readings of a line."""

    bl_label = "Takes"
    bl_idname = "TALKSPLAT_PT_takes"
    bl_parent_id = "TALKSPLAT_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012  (Blender's own)

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is a head that speaks."""
        obj = head_of(context)
        return obj is not None and not silent_reason(obj)

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The list, the buttons beside it, and what is done with it."""
        settings = settings_of(obj)
        row = layout.row()
        row.template_list("TALKSPLAT_UL_takes", "", settings, "takes", settings, "active_take", rows=5)
        self._draw_buttons(row.column(align=True))
        if not settings.takes:
            draw_sentence(layout, context, WHAT_A_TAKE_IS, "INFO")
        if len(settings.takes) < 2:
            return
        row = layout.row(align=True)
        row.prop(settings, "solo_take", toggle=True, icon="SOLO_ON" if settings.solo_take else "SOLO_OFF")
        row.prop(settings, "blend_takes", toggle=True)
        row = layout.row(align=True)
        row.prop_search(settings, "compare_with", settings, "takes", text="", icon="ARROW_LEFTRIGHT")
        row.operator("talksplat.compare_takes", depress=take_compare.is_comparing(obj))
        if sentence := self._note(obj):
            draw_sentence(layout, context, sentence, "INFO")

    @staticmethod
    def _draw_buttons(column: bpy.types.UILayout) -> None:
        column.operator("talksplat.add_take", text="", icon="ADD")
        column.operator("talksplat.remove_take", text="", icon="REMOVE")
        column.operator("talksplat.duplicate_take", text="", icon="DUPLICATE")
        column.separator()
        column.operator("talksplat.move_take", text="", icon="TRIA_UP").direction = "UP"
        column.operator("talksplat.move_take", text="", icon="TRIA_DOWN").direction = "DOWN"

    @staticmethod
    def _note(obj: bpy.types.Object) -> str:
        """Why the takes do not move the head as one might expect; "" where they do."""
        settings = settings_of(obj)
        if take_compare.is_comparing(obj):
            return f"{settings.compare_with} is shown for comparison; press Compare to go back"
        if settings.blend_takes and settings.bake and settings.use_bake:
            return "The bake plays: switch off Play from Bake to see the blend"
        if settings.follow == "CURVES":
            return CURVES_PLAY
        head = open_files.head.cached(head_paths.path_of(obj, "head"))
        return NO_RIG if settings.blend_takes and head is not None and head.rig is None else ""
