# SPDX-License-Identifier: GPL-3.0-or-later
"""Use Standard View: heads look on screen as Render Sequence writes them."""

import bpy

from ..blender_types import Context
from ..scene import view_transform
from .operator_base import UNDOABLE, BaseOperator


class TALKSPLAT_OT_use_standard_view(BaseOperator, bpy.types.Operator):
    """Set the scene's view to Standard without look, exposure and gamma, which shows heads as they were filmed"""

    bl_idname = "talksplat.use_standard_view"
    bl_label = "Use Standard View"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Once is enough."""
        return "" if view_transform.changes_of(context.scene) else "The view is Standard already"

    def run(self, context: Context) -> None:
        """Set it."""
        view_transform.use_standard(context.scene)


CLASSES = (TALKSPLAT_OT_use_standard_view,)
