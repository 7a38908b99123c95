# SPDX-License-Identifier: GPL-3.0-or-later
"""What the buttons share that say where a head's file is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import head_paths
from ..blender_types import Context, OperatorResult
from ..head_objects import head_of, locked_reason
from .operator_base import BaseOperator

if TYPE_CHECKING:
    import bpy


class HeadOperator(BaseOperator):
    """Mixed into an operator that changes the head which the user means."""

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head that can be changed."""
        return locked_reason(head_of(context))


class RelinkOperator(HeadOperator):
    """Asks for a file; the operator has the property `filepath` and says which of the head's paths it is."""

    path_name = ""  # one of head_paths.PATHS
    filepath: str

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask for the file, starting at the old place."""
        obj = head_of(context)
        self.filepath = head_paths.path_of(obj, self.path_name) if obj else ""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}
