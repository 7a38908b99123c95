# SPDX-License-Identifier: GPL-3.0-or-later
"""Add to Compositor: the sequence that Render Sequence wrote last, as one node in the scene's compositor."""

import bpy

from .. import open_files
from ..blender_types import Context
from ..compositing.sequence_over import add_sequence
from ..head_objects import head_of, settings_of
from ..shot.rendered_sequence import missing_reason, rendered_sequence
from .operator_base import UNDOABLE, BaseOperator


class TALKSPLAT_OT_add_to_compositor(BaseOperator, bpy.types.Operator):
    """Add the rendered sequence to the scene's compositor, as one node with its passes that lays it over the render \
or into it by depth. Your own nodes stay as they are"""

    bl_idname = "talksplat.add_to_compositor"
    bl_label = "Add to Compositor"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a sequence of EXR files with the layers of Blender, without a gap."""
        obj = head_of(context)
        return missing_reason(obj) if obj else "Select a head first"

    def run(self, context: Context) -> None:
        """Add the node, or put the newer sequence into it. Raises UserError."""
        if obj := head_of(context):
            sequence = rendered_sequence(obj)
            node = add_sequence(context.scene, sequence)
            place = "shows it" if node.outputs["Image"].links else "holds it: link the node where you want it"
            self.report({"INFO"}, f"The compositor {place} ({open_files.absolute(settings_of(obj).rendered)})")


CLASSES = (TALKSPLAT_OT_add_to_compositor,)
