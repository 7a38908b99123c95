# SPDX-License-Identifier: GPL-3.0-or-later
"""Add Sample Head: the head that comes with the add-on, so that the first try needs no file."""

import bpy

from .. import running
from ..blender_types import Context, OperatorResult
from .add_head import AddsHead, frame_selected
from .operator_base import UNDOABLE

SAMPLE_HEAD = running.ROOT / "samples" / "sample.head"


class TALKSPLAT_OT_add_sample_head(AddsHead, bpy.types.Operator):
    """Add the sample head that comes with the add-on, at the 3D cursor"""

    bl_idname = "talksplat.add_sample_head"
    bl_label = "Add Sample Head"
    bl_options = UNDOABLE

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Add it; the view then frames it."""
        result = self.execute(context)
        if result == {"FINISHED"}:
            frame_selected(context)
        return result

    def run(self, context: Context) -> None:
        """Add it."""
        self.add(context, str(SAMPLE_HEAD))


CLASSES = (TALKSPLAT_OT_add_sample_head,)
