# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel: end the running job; what is finished is kept."""

import bpy

from .. import running
from .operator_base import BaseOperator


class TALKSPLAT_OT_cancel(BaseOperator, bpy.types.Operator):
    """End the running job; what is finished is kept, the same job goes on from there"""

    bl_idname = "talksplat.cancel"
    bl_label = "Cancel"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        if running.now is None:
            return "Nothing is running"
        return "It is being cancelled" if running.now.cancelling else ""

    def act(self, context: bpy.types.Context) -> None:
        running.cancel()


CLASSES = (TALKSPLAT_OT_cancel,)
