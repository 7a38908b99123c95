# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operators share that take something away from a head."""

import bpy

from .. import playback
from ..blender_types import Context
from ..head_objects import head_of, locked_reason
from .operator_base import BaseOperator


class RemoveOperator(BaseOperator):
    """Mixed into an operator that says whether the head has the thing, and removes it."""

    nothing_there = ""  # why the button is grey where the head has none

    @classmethod
    def is_there(cls, obj: bpy.types.Object) -> bool:
        """Whether there is something to remove."""
        raise NotImplementedError

    def remove(self, obj: bpy.types.Object) -> None:
        """Remove it. Raises UserError."""
        raise NotImplementedError

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head of this file that has it."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        return "" if cls.is_there(obj) else cls.nothing_there

    def run(self, context: Context) -> None:
        """Remove it, and show the head without it."""
        if obj := head_of(context):
            self.remove(obj)
        playback.refresh(context.scene)
