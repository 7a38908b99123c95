# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in a panel, which has no line breaks of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import blf
import bpy

from .blender_types import Context

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

MARGIN = 100  # pixels of a sidebar's width that are not text: edges, the box, the icon


def draw_sentence(layout: bpy.types.UILayout, context: Context, text: str, icon: IconItems = "NONE") -> None:
    """A sentence over as many lines as the sidebar's width needs."""
    scale = context.preferences.system.ui_scale
    blf.size(0, context.preferences.ui_styles[0].widget.points * scale)
    width = max(context.region.width - MARGIN * scale, 100)
    column = layout.column(align=True)
    column.scale_y = 0.8
    line = ""
    for word in text.split():
        if line and blf.dimensions(0, f"{line} {word}")[0] > width:
            column.label(text=line, icon=icon)
            line, icon = "", "BLANK1" if icon != "NONE" else icon
        line = f"{line} {word}".strip()
    column.label(text=line, icon=icon)
