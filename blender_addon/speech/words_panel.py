# SPDX-License-Identifier: GPL-3.0-or-later
"""The row of the panels that says which words the sound has, and which of them is at the playhead."""

import os

import bpy

from ..blender_types import Context
from ..head_objects import settings_of
from ..panel_text import draw_sentence
from ..scene import strip as strips
from ..speech_graph import graph_data
from ..speech_graph.words import label_at, words_file, words_problem
from .attached_sounds import attached_sounds


def draw_words(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
    """The button that chooses the file of the words, the word at the playhead, and what is wrong with the file."""
    sound = next(iter(attached_sounds(obj)), "")
    if not sound:
        return
    name = os.path.basename(words_file(obj, sound))
    row = layout.row(align=True)
    row.operator("talksplat.choose_words", text=name or "Words", icon="FILE_TEXT")
    if settings_of(obj).words:
        row.operator("talksplat.remove_words", text="", icon="X")
    if problem := words_problem(obj):
        draw_sentence(layout, context, problem, "ERROR")
    elif name:
        time = float(strips.scene_time(context.scene, strips.current_frame(context.scene)))
        word = label_at(graph_data.data_of(context.scene, obj).words, time)
        layout.label(text=f"At the playhead: {word}" if word else "No word at the playhead", icon="BLANK1")
