# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Self-Contained: the .blend alone plays, scrubs and renders the head, without TalkSplat and its files."""

import bpy

from ...core.formats import UserError
from .. import playback
from ..blender_types import Context
from ..head_cloud import has_own_cloud
from ..head_objects import head_of, locked_reason, settings_of
from ..scene.stored_frames import frames_modifier_of
from ..self_contained.stored_head import TARGETS, forget_head_frames, pack_sounds, store_head_frames
from .bake_keyframes import TALKSPLAT_OT_bake_keyframes
from .operator_base import UNDOABLE, BaseOperator
from .remove_base import RemoveOperator


class TALKSPLAT_OT_make_self_contained(BaseOperator, bpy.types.Operator):
    """Keep in the .blend what it takes to play and render the head without TalkSplat and without the head's file"""

    bl_idname = "talksplat.make_self_contained"
    bl_label = "Make Self-Contained"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head of this file that is loaded, and for the rig's curves a speech to make them of."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        stored = settings_of(obj).stored.keep
        if stored == "PATHS":
            return "Choose what the .blend keeps first"
        if not has_own_cloud(obj) or playback.shown_of(obj) is None:
            return "The head is not loaded"
        if stored == "FOLDER" and not bpy.data.filepath:
            return "Save the .blend first: the folder is made next to it"
        if stored == "RIG" and settings_of(obj).follow != "CURVES":
            return TALKSPLAT_OT_bake_keyframes.disabled_reason(context)
        return ""

    def run(self, context: Context) -> None:
        """Make the keyframes or the frames that are missing, and pack the sound."""
        obj = head_of(context)
        if obj is None:
            return
        settings = settings_of(obj)
        if settings.stored.keep in TARGETS:
            store_head_frames(obj, settings.stored.keep)
        else:
            forget_head_frames(obj)
            if settings.follow != "CURVES":
                _bake_keyframes()
        if settings.stored.pack_sound:
            pack_sounds(obj)
        self.report({"INFO"}, f"Save the .blend: it plays {obj.name} by itself")


class TALKSPLAT_OT_remove_stored_frames(RemoveOperator, bpy.types.Operator):
    """Remove the head's stored frames from the .blend, and delete the files in their folder"""

    bl_idname = "talksplat.remove_stored_frames"
    bl_label = "Remove Stored Frames"
    bl_options = UNDOABLE
    nothing_there = "There are no stored frames"

    @classmethod
    def is_there(cls, obj: bpy.types.Object) -> bool:
        """Whether there is something to remove."""
        return frames_modifier_of(obj) is not None

    def remove(self, obj: bpy.types.Object) -> None:
        """Remove it."""
        forget_head_frames(obj)


def _bake_keyframes() -> None:
    """Press Bake to Keyframes. Raises UserError with its sentence."""
    try:
        bpy.ops.talksplat.bake_keyframes()  # pyright: ignore[reportAttributeAccessIssue]  (our own)
    except RuntimeError as error:
        raise UserError(str(error).removeprefix("Error: ").strip()) from error


CLASSES = (TALKSPLAT_OT_make_self_contained, TALKSPLAT_OT_remove_stored_frames)
