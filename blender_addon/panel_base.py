# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of our tab share: where they are, a head to draw, a button that says why it is grey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import bpy

from . import running
from .blender_types import Context
from .head_objects import head_of
from .operators.operator_base import BaseOperator
from .panel_text import draw_sentence
from .properties import TAB

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

CLOSED: set[Literal["DEFAULT_CLOSED", "HIDE_HEADER", "INSTANCED", "HEADER_LAYOUT_EXPAND"]] = {"DEFAULT_CLOSED"}


def draw_button(
    layout: bpy.types.UILayout, context: Context, operator: type[BaseOperator], icon: IconItems = "NONE", text: str = ""
) -> None:
    """The operator's button, or `text` on it; its progress while it works; why it is grey; how it ended."""
    if running.now and running.now.label == operator.bl_label:
        row = layout.row(align=True)
        row.progress(factor=running.now.fraction, text=running.now.short_text)
        row.operator("talksplat.cancel", text="", icon="X")
        return
    layout.operator(operator.bl_idname, text=text or operator.bl_label, icon=icon)
    if running.now:
        return
    if reason := operator.disabled_reason(context):
        draw_sentence(layout, context, reason, "INFO")
    else:
        draw_outcome(layout, context, operator)


def draw_outcome(layout: bpy.types.UILayout, context: Context, *operators: type[BaseOperator]) -> None:
    """How it ended, where the last button pressed is one of these."""
    last = running.last
    if last and last.label in {operator.bl_label for operator in operators}:
        draw_sentence(layout, context, last.sentence, running.ICONS[last.level])


class TabPanel:
    """In the sidebar of the 3D view, under our tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB
    if TYPE_CHECKING:
        layout: bpy.types.UILayout
        bl_idname: str

    def draw_header_preset(self, context: Context) -> None:
        """Help, at the right of the title."""
        help_button = self.layout.operator("talksplat.open_manual", text="", icon="QUESTION", emboss=False)
        help_button.panel = self.bl_idname


class HeadPanel(TabPanel):
    """There is such a panel only where the user means a head."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the user means a head."""
        return head_of(context) is not None

    def draw(self, context: Context) -> None:
        """What there is to see of the head."""
        if obj := head_of(context):
            self.draw_head(self.layout, context, obj)

    def draw_head(self, layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
        """The panel of a head."""
        raise NotImplementedError
