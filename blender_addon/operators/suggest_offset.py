# SPDX-License-Identifier: GPL-3.0-or-later
"""Suggest Offset: how late the mouth is after the sound; and Apply Offset, which takes that away. Nothing is ever
applied by itself."""

import bpy
from bpy.props import IntProperty

from .. import head_paths, playback
from ..blender_types import Context
from ..head_objects import head_of, settings_of
from ..speech.offset import Found, apply_reason, find_offset, plays_of, shift_mouth
from ..speech_graph import changes
from .operator_base import UNDOABLE
from .relink_base import HeadOperator

_found: dict[int, Found] = {}  # session number of the head -> the last suggestion


def suggestion_of(obj: bpy.types.Object) -> Found | None:
    """The last suggestion; None before that, and after something else plays."""
    found = _found.get(obj.session_uid)
    return found if found is not None and found.plays == plays_of(settings_of(obj)) else None


class TALKSPLAT_OT_suggest_offset(HeadOperator, bpy.types.Operator):
    """Find out by how many frames the mouth is later than the sound: keyframes or a bake may be of an earlier edit.
    Nothing is changed"""

    bl_idname = "talksplat.suggest_offset"
    bl_label = "Suggest Offset"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head with a sound."""
        obj = head_of(context)
        if obj is None or (reason := head_paths.missing_head_reason(obj)):
            return reason if obj else "Select a head first"
        return "" if settings_of(obj).performance else "Choose a sound strip and press Attach first"

    def run(self, context: Context) -> None:
        """Find it, and say it."""
        obj = head_of(context)
        if obj is None:
            return
        _found.pop(obj.session_uid, None)
        found = _found[obj.session_uid] = find_offset(obj, context.scene)
        self.report({"INFO"}, found.sentence)


class TALKSPLAT_OT_apply_offset(HeadOperator, bpy.types.Operator):
    """Move the keyframes of the head's channels, or set Delay, so that the mouth is in sync with the sound"""

    bl_idname = "talksplat.apply_offset"
    bl_label = "Apply Offset"
    bl_options = UNDOABLE

    frames: IntProperty(
        name="Frames", description="By how many frames the mouth is later than the sound", options={"SKIP_SAVE"}
    )

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head whose mouth can be moved."""
        obj = head_of(context)
        if reason := super().disabled_reason(context):
            return reason
        return apply_reason(obj, plays_of(settings_of(obj))) if obj else ""

    def run(self, context: Context) -> None:
        """Move it, and show it now."""
        if obj := head_of(context):
            shift_mouth(obj, context.scene, plays_of(settings_of(obj)), -self.frames)
            _found.pop(obj.session_uid, None)
            obj.update_tag()
        changes.note()
        playback.refresh(context.scene)


CLASSES = (TALKSPLAT_OT_suggest_offset, TALKSPLAT_OT_apply_offset)
