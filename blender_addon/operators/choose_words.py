# SPDX-License-Identifier: GPL-3.0-or-later
"""Words: which file says when the words of the head's sound are spoken."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ...core.formats import UserError, is_plain_script
from .. import head_paths, open_files
from ..blender_types import Context
from ..head_objects import head_of, settings_of
from ..speech.words_file import open_words
from ..speech_graph import changes
from .align_words import aligning_reason, start_alignment
from .operator_base import UNDOABLE
from .relink_base import HeadOperator, RelinkOperator


class TALKSPLAT_OT_choose_words(RelinkOperator, bpy.types.Operator):
    """Choose the file that says when each word is spoken: a TextGrid, SRT, VTT, .lab or .align file. Of a text file
    (.txt) in English that is found out"""

    bl_idname = "talksplat.choose_words"
    bl_label = "Words"
    bl_options = UNDOABLE
    path_name = "words"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(
        default="*.TextGrid;*.textgrid;*.srt;*.vtt;*.lab;*.align;*.txt;*.md", options={"HIDDEN"}
    )

    def run(self, context: Context) -> None:
        """Read it, and keep its path; align it where it has no times."""
        obj, path = head_of(context), open_files.absolute(self.filepath)
        if obj is None:
            return
        if is_plain_script(path):
            if reason := aligning_reason(context):
                raise UserError(f"{path}: its words have no times yet. {reason}.")
            start_alignment(obj, path, Path(path))
            return
        open_words(path)
        head_paths.store_path(obj, "words", path)
        changes.note()


class TALKSPLAT_OT_remove_words(HeadOperator, bpy.types.Operator):
    """Show the chosen words no more; the file is kept"""

    bl_idname = "talksplat.remove_words"
    bl_label = "Remove Words"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with words."""
        obj = head_of(context)
        if reason := super().disabled_reason(context):
            return reason
        return "" if obj and settings_of(obj).words else "No words are chosen"

    def run(self, context: Context) -> None:
        """Forget their path."""
        if obj := head_of(context):
            settings_of(obj).words = ""
        changes.note()


CLASSES = (TALKSPLAT_OT_choose_words, TALKSPLAT_OT_remove_words)
