# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the graph is shown, and in which editors; our tab in the sidebar of the Graph Editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, IntProperty, PointerProperty

from ..blender_types import Context
from ..head_objects import head_of
from ..panel_text import draw_sentence
from ..properties import TAB
from ..speech.offset_panel import draw_offset
from ..speech.words_panel import draw_words
from . import graph_data
from .lips import is_driven, lips_channel

NO_RIG = "Lips Apart needs the head's rig: press Make Rig in the 3D View's TalkSplat tab"
DRIVEN = "Drivers or the NLA move the head: play the shot once to see its lips"


def _redraw(_self: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    graph_data.redraw()


def _switch(name: str, description: str):
    return BoolProperty(name=name, description=description, default=True, options=set(), update=_redraw)


class TalkSplatGraph(bpy.types.PropertyGroup):
    """What a scene's editors show of a head's speech."""

    show: _switch("Speech Graph", "Show the sound, the lips and the words of the head in the editors with a time axis")
    graph_editor: _switch("Graph Editor", "Show it in the Graph Editor")
    dope_sheet: _switch("Dope Sheet", "Show it in the Dope Sheet")
    sequencer: _switch("Sequencer", "Show it in the Video Sequencer")
    sound: _switch("Sound", "Show how loud the sound is that the head speaks")
    lips: _switch("Lips Apart", "Show how far the lips are apart, and below it where they are closed")
    words: _switch("Words", "Show the words, where a file says when they are spoken")
    height: IntProperty(
        name="Height",
        description="Height of the graph",
        default=100,
        min=40,
        max=600,
        subtype="PIXEL",
        options=set(),
        update=_redraw,
    )


def view_of(scene: bpy.types.Scene) -> TalkSplatGraph:
    """What the scene's editors show."""
    return scene.talksplat_graph  # pyright: ignore[reportAttributeAccessIssue]  (registered here)


class TALKSPLAT_PT_speech_graph(bpy.types.Panel):
    """The switches of the graph, the word under the playhead, and Suggest Offset."""

    bl_label = "Speech Graph"
    bl_idname = "TALKSPLAT_PT_speech_graph"
    bl_space_type = "GRAPH_EDITOR"
    bl_region_type = "UI"
    bl_category = TAB
    if TYPE_CHECKING:
        layout: bpy.types.UILayout

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the user means a head."""
        return head_of(context) is not None

    def draw_header(self, context: Context) -> None:
        """The switch of all of it."""
        self.layout.prop(view_of(context.scene), "show", text="")

    def draw(self, context: Context) -> None:
        """What is shown, where, and what is in the way."""
        obj, view, layout = head_of(context), view_of(context.scene), self.layout
        if obj is None:
            return
        column = layout.column(heading="Show")
        column.use_property_split = True
        column.active = view.show
        for name in ("sound", "lips", "words"):
            column.prop(view, name)
        column = layout.column(heading="In")
        column.use_property_split = True
        column.active = view.show
        for name in ("graph_editor", "dope_sheet", "sequencer", "height"):
            column.prop(view, name)
        head = graph_data.open_head(obj)
        if head is not None and lips_channel(head) is None:
            draw_sentence(layout, context, NO_RIG, "INFO")
        elif is_driven(obj):
            draw_sentence(layout, context, DRIVEN, "INFO")
        draw_words(layout, context, obj)
        draw_offset(layout, context, obj)


CLASSES = (TalkSplatGraph, TALKSPLAT_PT_speech_graph)


def register() -> None:
    """Called by the package's `register`."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    setattr(bpy.types.Scene, "talksplat_graph", PointerProperty(type=TalkSplatGraph))  # noqa: B010


def unregister() -> None:
    """Called by the package's `unregister`."""
    delattr(bpy.types.Scene, "talksplat_graph")
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
