# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Rig: a head that was made before heads had rigs gets one, in its own file."""

import bpy

from ...core.jobs import MakeRig
from .. import head_paths, open_files, playback, running
from ..blender_types import Context
from ..head_objects import head_of
from .operator_base import JobOperator


class TALKSPLAT_OT_make_rig(JobOperator, bpy.types.Operator):
    """Find the few channels that move this head and store them in its file, so that it scrubs several times as fast"""

    bl_idname = "talksplat.make_rig"
    bl_label = "Make Rig"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head that is loaded and has none."""
        obj = head_of(context)
        if obj is None:
            return "Select a head first"
        head = open_files.head.cached(head_paths.path_of(obj, "head"))
        if head is None:
            return "The head is not loaded"
        if head.rig is not None:
            return "The head has a rig"
        return running.no_worker_reason()

    def run(self, context: Context) -> None:
        """Start it in the worker."""
        obj = head_of(context)
        if obj is None:
            return

        def report(result: dict) -> str:
            playback.forget_frames()
            playback.load_clouds()
            return f"The rig of {result['head']} has {result['channels']} channels"

        running.start_job(self.bl_label, MakeRig(head_paths.path_of(obj, "head")), report)


CLASSES = (TALKSPLAT_OT_make_rig,)
