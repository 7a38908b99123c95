# SPDX-License-Identifier: GPL-3.0-or-later
"""Render Sequence: the worker renders the bake through the scene's camera, colour-exact."""

import bpy

from .. import running
from ..blender_types import Context
from ..head_objects import head_of, settings_of
from ..properties import TalkSplatHead
from ..shot.jobs import render_job, views_to_render
from ..shot.output_paths import unsaved_reason
from ..shot.picture_heads import unready_reason
from ..shot.rendered_sequence import remember
from ..speech.attached_sounds import no_bake_reason
from .operator_base import JobOperator


class TALKSPLAT_OT_render_sequence(JobOperator, bpy.types.Operator):
    """Render the baked shot as a colour-exact image sequence, in the background"""

    bl_idname = "talksplat.render_sequence"
    bl_label = "Render Sequence"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a bake, a camera, something to write, a place to write to, and a worker."""
        obj = head_of(context)
        if obj is None:
            return "Select a head first"
        settings = settings_of(obj)
        if reason := no_bake_reason(obj) or unready_reason(context.scene, obj):
            return reason
        if settings.view == "SCENE" and context.scene.camera is None:
            return "Add a camera, or render the head's own view"
        reason = _nothing_to_write(settings) or unsaved_reason(settings.render_out)
        return reason or running.no_worker_reason()

    def run(self, context: Context) -> None:
        """Start the render, or continue it."""
        if obj := head_of(context):
            views = views_to_render(context.scene, obj)
            job, *others = [render_job(context.scene, obj, view) for view in views]
            name = obj.name

            def finished(result: dict) -> str:
                head = bpy.data.objects.get(name)  # it may have gone meanwhile
                if head is not None:
                    remember(head, result, job.exr_layout, job.space)
                return rendered_sentence(result, job.out)

            running.start_job(self.bl_label, job, finished, *others)


def rendered_sentence(result: dict, folder: str) -> str:
    """ "The image sequence is in //render, rendered on the CPU"; all of it was there already where nothing drew."""
    device = result["device"]
    return f"The image sequence is in {folder}" + (f", rendered on {device}" if device else "")


def _nothing_to_write(settings: TalkSplatHead) -> str:
    if not (settings.png or settings.exr or settings.movie):
        return "Choose PNG, EXR or Movie"
    if settings.render_frames == "CURRENT" and not (settings.png or settings.exr):
        return "Choose PNG or EXR for a single frame"
    return "Choose a pass for the EXR files" if settings.exr and not settings.passes.names() else ""


CLASSES = (TALKSPLAT_OT_render_sequence,)
