# SPDX-License-Identifier: GPL-3.0-or-later
"""Align Words: from the text that is spoken to when each of its words is. The worker listens; the words are kept in a
TextGrid of their own, beside the text."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ...core.formats import SUBTITLE_SUFFIXES, UserError, atomic_write
from ...core.jobs import Align
from .. import head_paths, open_files, preferences, running
from ..blender_types import Context
from ..head_objects import head_of, locked_reason, settings_of
from ..speech.attached_sounds import attached_sounds, sound_choice
from ..speech.sound_content import playable_file
from ..speech.words_file import open_words, words_file
from ..speech_graph import changes
from ..takes.blend import active_name, speech_named
from .job_result import edited_head
from .operator_base import JobOperator

LABEL = "Align Words"
WORDS = 50  # of a free name: after so many the last one is replaced


def start_alignment(obj: bpy.types.Object, script: str, beside: Path, name: str = "") -> None:
    """Start to align a text file; the words are kept next to `beside`. name: what messages call the text, where that is
    not its file. Raises UserError."""
    sound, choice = next(iter(attached_sounds(obj))), sound_choice(settings_of(obj))
    out, uid, take = free_name(beside), obj.session_uid, active_name(obj)

    def keep(result: dict) -> str:
        open_words(result["words"])
        with edited_head(uid) as speaker:
            head_paths.store_path(speaker, "words", result["words"], speech_named(speaker, take))
        changes.note()
        return f"{result['count']} words are in {Path(result['words']).name} (confidence {result['confidence']:.2f})"

    job = Align(playable_file(sound), script, str(out), choice.track, choice.channel, name)
    running.start_job(LABEL, job, keep)


def free_name(beside: Path) -> Path:
    """NAME.TextGrid next to a file, or NAME.2.TextGrid and so on: words may have been corrected by hand."""
    names = (beside.with_suffix(f"{number}.TextGrid") for number in ("", *(f".{n}" for n in range(2, WORDS))))
    return next((name for name in names if not name.exists()), beside.with_suffix(f".{WORDS}.TextGrid"))


def aligning_reason(context: Context) -> str:
    """Why no text can be aligned now, in one sentence; "" when one can."""
    obj = head_of(context)
    if reason := locked_reason(obj):
        return reason
    if obj is None or not attached_sounds(obj):
        return "Choose a sound strip and press Attach first"
    return running.no_worker_reason()


class TALKSPLAT_OT_align_words(JobOperator, bpy.types.Operator):
    """Find out when each word of the subtitles is spoken in the head's sound, in English"""

    bl_idname = "talksplat.align_words"
    bl_label = LABEL

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with a sound, and a worker."""
        return aligning_reason(context)

    def run(self, context: Context) -> None:
        """Start it in the worker: of the file, or without one of the subtitles that are shown."""
        obj = head_of(context)
        if obj is None:
            return
        path = open_files.absolute(self.filepath) if self.filepath else subtitles_of(obj)
        if not path:
            raise UserError("No text is chosen; press Words and choose a text file.")
        start_alignment(obj, path, Path(path))


def subtitles_of(obj: bpy.types.Object) -> str:
    """The file of the head's words where it has cues of sentences; "" where its words have times already."""
    path = words_file(obj, next(iter(attached_sounds(obj)), ""))
    return path if Path(path).suffix.lower() in SUBTITLE_SUFFIXES else ""


_texts: list[tuple[str, str, str]] = []  # Blender asks that the items live on


def _text_items(_operator: object, _context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    _texts[:] = [(text.name, text.name, "") for text in bpy.data.texts]
    return _texts


class TALKSPLAT_OT_align_text(JobOperator, bpy.types.Operator):
    """Find out when each word of a text block of this file is spoken in the head's sound, in English"""

    bl_idname = "talksplat.align_text"
    bl_label = "Align Text Block"

    text: EnumProperty(name="Text", items=_text_items)

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a text, a head with a sound, and a worker."""
        return aligning_reason(context) or ("" if bpy.data.texts else "This file has no text block")

    def run(self, context: Context) -> None:
        """Give the worker a copy of the text; the words are kept beside the .blend once it was saved."""
        obj = head_of(context)
        if obj is None:
            return
        content, title = bpy.data.texts[self.text].as_string(), f'The text block "{self.text}"'
        if not content.strip():
            raise UserError(f"{title} is empty; write what is spoken into it.")
        name = bpy.path.clean_name(Path(self.text).stem) or "Text"
        script = preferences.own_folder("words") / f"{name}.txt"
        with atomic_write(script) as temporary:
            temporary.write_text(content, encoding="utf-8")
        start_alignment(obj, str(script), Path(head_paths.open_folder() or script.parent, script.name), title)


CLASSES = (TALKSPLAT_OT_align_words, TALKSPLAT_OT_align_text)
