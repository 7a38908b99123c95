# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake: the worker evaluates the shot, with the sliders as they are keyed; then the cloud plays from the bake.

A cancelled or crashed bake goes on where it was when the same bake is asked for again.
"""

import shutil
from pathlib import Path

import bpy

from ...core.formats import atomic_write
from .. import open_files, playback, running
from ..properties import head_of
from ..scene import strip as strips
from ..shot_jobs import bake_job
from .job_result import edited_head
from .operator_base import JobOperator


def hand_over(body: bpy.types.Object, out: Path) -> None:
    """Let go of the file that the worker will write, and leave it what was listened to already."""
    if body.talksplat.bake and open_files.absolute(body.talksplat.bake) == str(out):
        body.talksplat.bake = ""
    open_files.bake.close(str(out))
    heard = Path(open_files.absolute(body.talksplat.performance) or "-")
    if heard.is_file():
        with atomic_write(out.with_suffix(".performance")) as beside:
            shutil.copyfile(heard, beside)


class TALKSPLAT_OT_bake(JobOperator, bpy.types.Operator):
    """Evaluate every frame of the scene's range in the background and store it"""

    bl_idname = "talksplat.bake"
    bl_label = "Bake"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        body = head_of(context)
        if body is None:
            return "Select a head first"
        if strips.find_strip(body.talksplat.strip_scene or context.scene, body.talksplat.strip) is None:
            return "Attach a sound strip first"
        if body.talksplat.bake_out.startswith("//") and not bpy.data.filepath:
            return "Save the .blend first: the bake is to lie beside it"
        return running.no_worker_reason()

    def act(self, context: bpy.types.Context) -> None:
        body = head_of(context)
        job, uid = bake_job(context.scene, body), body.session_uid
        hand_over(body, Path(job.out))

        def then(result: dict) -> str:
            with edited_head(uid) as baked:
                baked.talksplat.bake = open_files.storable(job.out)
                baked.talksplat.use_bake = True
                playback.refresh(bpy.context.scene)
                return f"{baked.name}: {job.frame_count} frames baked to {job.out}"

        running.start_job(self.bl_label, job, then)


CLASSES = (TALKSPLAT_OT_bake,)
