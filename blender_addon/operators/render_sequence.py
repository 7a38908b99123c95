# SPDX-License-Identifier: GPL-3.0-or-later
"""Render Plates: the worker renders the bake through the scene's camera, colour-exact."""

import bpy

from .. import running
from ..properties import head_of
from ..shot_jobs import render_job
from .operator_base import JobOperator


class TALKSPLAT_OT_render_plates(JobOperator, bpy.types.Operator):
    """Render the baked shot as colour-exact pictures in the background"""

    bl_idname = "talksplat.render_plates"
    bl_label = "Render Plates"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        body = head_of(context)
        if body is None:
            return "Select a head first"
        settings = body.talksplat
        if not settings.bake:
            return "Bake first: plates are rendered from a bake"
        if settings.view == "SCENE" and context.scene.camera is None:
            return "Add a camera, or render the head's own view"
        if not (settings.png or settings.exr or settings.movie):
            return "Choose PNG, EXR or MP4"
        if settings.plates_out.startswith("//") and not bpy.data.filepath:
            return "Save the .blend first: the plates are to lie beside it"
        return running.no_worker_reason()

    def act(self, context: bpy.types.Context) -> None:
        job = render_job(context.scene, head_of(context))
        running.start_job(self.bl_label, job, lambda result: f"Plates are in {job.out}")


CLASSES = (TALKSPLAT_OT_render_plates,)
