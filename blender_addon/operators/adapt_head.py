# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapt to Any Voice: a head that was trained on its own voice alone gets audio nets that follow whoever speaks. A
browser asks for recordings of the person; none need be chosen."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, StringProperty

from ...core.jobs import Adapt
from ...core.performance import not_adaptable_reason
from .. import head_paths, open_files, playback, running
from ..blender_types import Context, OperatorResult, current_context
from ..head_cloud import load_head
from ..head_objects import head_of, locked_reason
from ..link.blenders_python import package_folders
from ..panel_text import wrapped
from ..speech.attached_sounds import attached_sounds
from ..speech.sound_content import playable_file
from .import_head import free_name
from .job_result import edited_head
from .operator_base import JobOperator, has_window

LINE = 42  # letters that fit beside the browser
NO_TORCH = "Adapting needs torch, which Blender's Python lacks: press Create Training Environment, then adapt"
EXPLANATION = (
    "Choose recordings of this person, such as the videos that the head was trained on: in this voice the mouth goes "
    "on doing what it did. Without any, choose no file. It takes some minutes."
)


def can_adapt(obj: bpy.types.Object) -> bool:
    """Whether the head, where it is loaded, follows its own voice best and could be adapted."""
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    return head is not None and not not_adaptable_reason(head.file)


def lacks_torch() -> bool:
    """Whether the worker runs in Blender's own Python, and that has no torch: the extension's zip has none. Nothing is
    imported."""
    python = running.core_python()
    return python is not None and bool(package_folders(python)) and importlib.util.find_spec("torch") is None


class TALKSPLAT_OT_adapt_head(JobOperator, bpy.types.Operator):
    """Give this head the audio nets of any voice, without new footage: it then follows whoever speaks"""

    bl_idname = "talksplat.adapt_head"
    bl_label = "Adapt to Any Voice"

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_sound: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    use_attached: BoolProperty(
        name="Attached Sound Is Its Own Voice",
        description="The sound that the head speaks now is a recording of the person whom the head shows",
        options={"SKIP_SAVE"},
    )
    write_to: EnumProperty(
        name="Write To",
        items=[
            ("BESIDE", "New File", "NAME_adapted.head in the folder of the head's file, which stays as it is"),
            ("REPLACE", "Head's Own File", "The head's file itself, once the work is done"),
        ],
        options={"SKIP_SAVE"},
    )

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a trained head that is loaded and follows its own voice alone, and a worker with torch."""
        obj = head_of(context)
        if reason := locked_reason(obj):
            return reason
        head = open_files.head.cached(head_paths.path_of(obj, "head")) if obj else None
        if head is None:
            return "The head is not loaded"
        if reason := not_adaptable_reason(head.file):
            return f"The head {reason}"
        return running.no_worker_reason() or (NO_TORCH if lacks_torch() else "")

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask for the recordings."""
        self._is_from_window = has_window()
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, context: Context) -> None:
        """Beside the browser: what the recordings are for, and the choices."""
        assert self.layout is not None
        column = self.layout.column(align=True)
        for line in wrapped(EXPLANATION, lambda text: len(text) <= LINE):
            column.label(text=line)
        column = self.layout.column()
        obj = head_of(context)
        if obj is not None and attached_sounds(obj):
            column.prop(self, "use_attached")
        column.prop(self, "write_to")

    def recordings(self, obj: bpy.types.Object) -> tuple[str, ...]:
        """The files of the person's own voice. Raises UserError for an attached sound that is not there."""
        names = [file.name for file in self.files if file.name]
        chosen = [open_files.absolute(str(Path(self.directory, name))) for name in names]
        if not names and self.filepath and not Path(open_files.absolute(self.filepath)).is_dir():
            chosen = [open_files.absolute(self.filepath)]
        attached = [playable_file(source) for source in attached_sounds(obj)] if self.use_attached else []
        return tuple(dict.fromkeys([*chosen, *attached]))

    def run(self, context: Context) -> None:
        """Start it in the worker; the object then shows the new head."""
        obj = head_of(context)
        if obj is None:
            return
        path, uid = head_paths.path_of(obj, "head"), obj.session_uid
        source = Path(path)
        out = free_name(source.with_stem(f"{source.stem}_adapted")) if self.write_to == "BESIDE" else None

        def show(result: dict) -> str:
            playback.forget_frames()
            with edited_head(uid) as adapted:
                load_head(adapted, result["head"])
                playback.refresh(current_context().scene)
                name = Path(result["head"]).name
                return f"{adapted.name} follows any voice now ({name}): press Attach and Bake again, as for a new head"

        job = Adapt(path, str(out or ""), self.recordings(obj))
        running.start_job(self.bl_label, job, show)


CLASSES = (TALKSPLAT_OT_adapt_head,)
