# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake: the worker evaluates the shot, with the sliders as they are keyed; then the cloud plays from the bake.

A cancelled or crashed bake continues where it stopped when the same shot is baked again.
"""

import shutil
from pathlib import Path

import bpy

from ...core.formats import atomic_write
from .. import open_files, playback, running
from ..blender_types import Context, current_context
from ..output_paths import unsaved_reason
from ..properties import head_of, settings_of
from ..shot_jobs import bake_job
from .job_result import edited_head
from .operator_base import JobOperator


def release_bake(obj: bpy.types.Object, out: Path) -> None:
    """Close the file that the worker will write, and put the performance that is there already next to it."""
    settings = settings_of(obj)
    if settings.bake and open_files.absolute(settings.bake) == str(out):
        settings.bake = ""
    open_files.bake.close(str(out))
    performance = Path(open_files.absolute(settings.performance) or "-")
    if performance.is_file():
        with atomic_write(out.with_suffix(".performance")) as temporary:
            shutil.copyfile(performance, temporary)


class TALKSPLAT_OT_bake(JobOperator, bpy.types.Operator):
    """Evaluate and store the frames of the shot, in the background"""

    bl_idname = "talksplat.bake"
    bl_label = "Bake"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with a strip, a place to write to, and a worker."""
        obj = head_of(context)
        if obj is None:
            return "Select a head first"
        settings = settings_of(obj)
        if playback.strip_of(obj, settings.strip_scene or context.scene) is None:
            return "Attach a sound strip first"
        return unsaved_reason(settings.bake_out) or running.no_worker_reason()

    def run(self, context: Context) -> None:
        """Start the bake, or continue it."""
        obj = head_of(context)
        if obj is None:
            return
        job, uid = bake_job(context.scene, obj), obj.session_uid
        release_bake(obj, Path(job.out))

        def play(result: dict) -> str:
            with edited_head(uid) as baked:
                settings = settings_of(baked)
                settings.bake, settings.use_bake = open_files.storable(job.out), True
                playback.refresh(current_context().scene)
                count = f"{result['frames']}" + ("" if result["complete"] else f" of {job.frame_count}")
                return f"{baked.name}: {count} frames are baked to {job.out}"

        running.start_job(self.bl_label, job, play)


CLASSES = (TALKSPLAT_OT_bake,)
