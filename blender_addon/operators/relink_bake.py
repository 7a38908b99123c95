# SPDX-License-Identifier: GPL-3.0-or-later
"""Relink Bake: the head's bake has been moved."""

import bpy
from bpy.props import StringProperty

from ...core.formats import UserError
from .. import head_paths, open_files, playback
from ..blender_types import Context
from ..head_objects import head_of, settings_of
from .operator_base import UNDOABLE
from .relink_base import RelinkOperator


class TALKSPLAT_OT_relink_bake(RelinkOperator, bpy.types.Operator):
    """Choose where this head's bake is now"""

    bl_idname = "talksplat.relink_bake"
    bl_label = "Relink Bake"
    bl_options = UNDOABLE
    path_name = "bake"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.bake", options={"HIDDEN"})

    def run(self, context: Context) -> None:
        """Play the bake from its new place."""
        obj, path = head_of(context), open_files.absolute(self.filepath)
        if obj is None:
            return
        if open_files.bake(path).card.head_hash != settings_of(obj).head_hash:
            raise UserError(f"{path} is the bake of another head; choose one of this head.")
        head_paths.store_path(obj, "bake", path)
        playback.refresh(context.scene)


CLASSES = (TALKSPLAT_OT_relink_bake,)
