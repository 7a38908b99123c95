# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the panels that say which words the sound has, and which of them is at the playhead."""

import os

import bpy

from .. import running
from ..blender_types import Context
from ..head_objects import settings_of
from ..operators.align_markers import TALKSPLAT_OT_align_markers, spoken_markers
from ..operators.align_words import TALKSPLAT_OT_align_text, TALKSPLAT_OT_align_words, subtitles_of
from ..panel_base import draw_button, draw_outcome
from ..panel_text import draw_sentence
from ..scene import strip as strips
from ..speech_graph import graph_data
from ..speech_graph.words import label_at, words_problem
from .attached_sounds import attached_sounds
from .words_file import open_words, unsharpened_reason, words_file


def draw_words(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
    """The button that chooses the file of the words, what is wrong with it, the word at the playhead, and the ways from
    a text to words with times."""
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
        _draw_sharpening(layout, context, obj, sound)
    _draw_aligning(layout, context, obj)


def _draw_sharpening(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object, sound: str) -> None:
    """The switch, for a head that can; else why words serve the graph alone."""
    if reason := unsharpened_reason(obj):
        draw_sentence(layout, context, f"The words serve the graph alone: {reason}.", "INFO")
    elif open_words(words_file(obj, sound)).phones:
        layout.prop(settings_of(obj), "sharpen_by_words")


def _draw_aligning(layout: bpy.types.UILayout, context: Context, obj: bpy.types.Object) -> None:
    """The progress; else a button for subtitles, whose words have no times of their own, and one for text blocks."""
    is_running = running.now is not None and running.now.label == TALKSPLAT_OT_align_words.bl_label
    if is_running or subtitles_of(obj):
        draw_button(layout, context, TALKSPLAT_OT_align_words, "ALIGN_JUSTIFY")
    else:
        draw_outcome(layout, context, TALKSPLAT_OT_align_words)
    if not is_running and spoken_markers(context.scene):
        draw_button(layout, context, TALKSPLAT_OT_align_markers, "MARKER")
    if bpy.data.texts and not is_running:
        layout.operator_menu_enum(TALKSPLAT_OT_align_text.bl_idname, "text", icon="TEXT")
