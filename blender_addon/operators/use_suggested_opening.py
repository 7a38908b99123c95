# SPDX-License-Identifier: GPL-3.0-or-later
"""Use the Mouth Open that is suggested for the line."""

from __future__ import annotations

import bpy

from ..blender_types import Context
from ..head_objects import head_of, settings_of
from ..speech.opening_suggestion import opening_for
from .operator_base import UNDOABLE
from .relink_base import HeadOperator


class TALKSPLAT_OT_use_suggested_opening(HeadOperator, bpy.types.Operator):
    """Set Mouth Open to what suits the loudness of the line"""

    bl_idname = "talksplat.use_suggested_opening"
    bl_label = "Use Suggested Mouth Open"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head that speaks a lively line."""
        if reason := super().disabled_reason(context):
            return reason
        obj = head_of(context)
        if obj is None:
            return "Select a head first"
        return "" if opening_for(obj) else "The line is not livelier than ordinary reading, or no sound is attached"

    def run(self, context: Context) -> None:
        """Set it; the slider shows it at once."""
        obj = head_of(context)
        if obj is not None and (opening := opening_for(obj)):
            settings_of(obj).controls.mouth_open = opening


CLASSES = (TALKSPLAT_OT_use_suggested_opening,)
