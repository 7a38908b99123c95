# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel: end the running job; what is finished is kept."""

import bpy

from .. import running
from ..blender_types import Context
from .operator_base import BaseOperator


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

    def run(self, context: Context) -> None:
        """Cancel it."""
        running.cancel()


CLASSES = (TALKSPLAT_OT_cancel,)
