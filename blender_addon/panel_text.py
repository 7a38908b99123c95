# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in a panel, which has no line breaks of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    for line in wrapped(text, lambda line: blf.dimensions(0, line)[0] <= width):
        column.label(text=line, icon=icon)
        icon = "BLANK1" if icon != "NONE" else icon


def wrapped(text: str, fits: Callable[[str], bool]) -> list[str]:
    """The text in lines that fit: broken at spaces; a path that is wider than a line, behind a / or \\; a name that is
    wider still, anywhere."""
    lines = [""]
    for word in text.split():
        parts = [word] if fits(word) else re.findall(r"[^/\\]*[/\\]|[^/\\]+", word)
        joint = " " if lines[-1] else ""
        for piece in (piece for part in parts for piece in _pieces(part, fits)):
            if lines[-1] and not fits(lines[-1] + joint + piece):
                lines.append(piece)
            else:
                lines[-1] += joint + piece
            joint = ""
    return lines


def _pieces(part: str, fits: Callable[[str], bool]) -> list[str]:
    """The part in pieces that fit, each as long as it can be and at least one character."""
    pieces = [""]
    for character in part:
        if pieces[-1] and not fits(pieces[-1] + character):
            pieces.append("")
        pieces[-1] += character
    return pieces
