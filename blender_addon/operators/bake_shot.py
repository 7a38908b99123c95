# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake: the worker evaluates the shot, with the sliders as they are keyed; then the cloud plays from the bake.

A cancelled or crashed bake continues where it stopped when the same shot is baked again.
"""

from pathlib import Path
from typing import cast

import bpy

from ...core.formats import UserError
from ...core.jobs import Bake
from ...core.performance import performance_file, write_performance
from .. import head_paths, open_files, playback, running
from ..blender_types import Context, OperatorResult, current_context
from ..head_objects import head_of, locked_reason, settings_of
from ..shot.bake_plan import BakePlan
from ..shot.jobs import bake_plan_of
from ..shot.output_paths import unsaved_reason
from ..speech.attached_sounds import attached_sounds, unattached_reason
from ..speech.sound_content import playable_file, stamp_of
from ..takes.blend import active_name, speech_named
from .job_result import edited_head
from .operator_base import JobOperator, has_window


def keep_performances(obj: bpy.types.Object, job: Bake) -> None:
    """Put the performances that are there already next to the bake, so that the worker need not listen again.

    Raises UserError where the .blend names something else as a performance: a .blend may come from anybody, so what is
    written is what was read as a performance, never a copy of a file.
    """
    attached = {playable_file(source): item for source, item in attached_sounds(obj).items() if stamp_of(source)}
    for number, audio in enumerate(job.sounds):
        if audio not in attached:
            continue
        path = head_paths.path_of(obj, "performance", attached[audio])
        try:
            write_performance(performance_file(job.out, number), open_files.performance(path))
        except UserError as error:
            raise UserError(f"{path}: cannot be read as a performance; press Attach to make it again.") from error


class TALKSPLAT_OT_bake(JobOperator, bpy.types.Operator):
    """Evaluate and store the frames of the shot, in the background"""

    bl_idname = "talksplat.bake"
    bl_label = "Bake"
    # Not annotated: Blender takes an annotation for a property.
    _planned = cast("BakePlan | None", None)  # when the button was pressed: sampling a long shot twice would be felt

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head, the performance of the strip that it speaks, a place to write to, and a worker."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        settings = settings_of(obj)
        if reason := head_paths.missing_head_reason(obj):
            return reason
        if reason := unattached_reason(obj, settings.strip_scene or context.scene):
            return reason.rstrip(".")
        return unsaved_reason(settings.bake_out) or running.no_worker_reason()

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask before a bake of another shot is replaced; else start at once."""
        try:
            plan = self._planned = self._plan(context)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if plan is None or not plan.replaces or not has_window():
            return super().invoke(context, event)
        self._is_from_window = True
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=f"Replace {Path(plan.job.out).name}?",
            message=replaced_message(plan),
            confirm_text="Replace",
            icon="WARNING",
        )

    @staticmethod
    def _plan(context: Context) -> BakePlan | None:
        obj = head_of(context)
        return bake_plan_of(context.scene, obj) if obj else None

    def run(self, context: Context) -> None:
        """Start the bake, or continue it."""
        obj, plan = head_of(context), self._planned or self._plan(context)
        if obj is None or plan is None:
            return
        job, uid, take = plan.job, obj.session_uid, active_name(obj)
        keep_performances(obj, job)

        def play(result: dict) -> str:
            with edited_head(uid) as baked:
                settings = settings_of(baked)
                head_paths.store_path(baked, "bake", job.out, speech_named(baked, take))
                settings.use_bake = True
                playback.refresh(current_context().scene)
                return f"{baked.name}: {baked_sentence(result, job)}"

        running.start_job(self.bl_label, job, play)


def replaced_message(plan: BakePlan) -> str:
    """What the dialog says: what is there, in what it differs, what happens to it."""
    return (
        f"It is the bake of another shot: {' and '.join(plan.replaces)} changed.\n"
        "It plays until the new one is done; frames that have not changed are kept.\n"
        "With {version} in the file name both are kept."
    )


def baked_sentence(result: dict, job: Bake) -> str:
    """What was made: "12 of 36 frames are baked to tiny_v002.bake, the other 24 were there"."""
    count = result["frames"] if result["complete"] else f"{result['frames']} of {job.frame_count}"
    kept = result["frames"] - result["new"]
    return f"{count} frames are baked to {job.out}" + (f", {kept} of them were there already" if kept else "")


CLASSES = (TALKSPLAT_OT_bake,)
