# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel: end the running job; what is finished is kept."""

import bpy

from .. import running
from ..blender_types import Context, OperatorResult
from ..properties import TAB
from .operator_base import BaseOperator


def is_over_our_tab(region: bpy.types.Region | None) -> bool:
    """Whether the region under the pointer is a sidebar that shows our tab."""
    return region is not None and region.type == "UI" and region.active_panel_category == TAB


class TALKSPLAT_OT_cancel(BaseOperator, bpy.types.Operator):
    """Cancel the running job; what is finished is kept, and the same job continues from there"""

    bl_idname = "talksplat.cancel"
    bl_label = "Cancel"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a running job."""
        if running.now is None:
            return "Nothing is running"
        return "It is being cancelled" if running.now.cancelling else ""

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Esc means the job only over our tab; anywhere else it goes on to whatever it is for."""
        if event.type == "ESC" and not is_over_our_tab(context.region):
            return {"PASS_THROUGH"}
        return self.execute(context)

    def run(self, context: Context) -> None:
        """Cancel it."""
        running.cancel()


CLASSES = (TALKSPLAT_OT_cancel,)
