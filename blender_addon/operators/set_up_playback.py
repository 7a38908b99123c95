# SPDX-License-Identifier: GPL-3.0-or-later
"""Set Up Playback: hear the sound while scrubbing, keep picture and sound in sync while playing."""

import bpy

from ..blender_types import Context
from .operator_base import UNDOABLE, BaseOperator


def is_set_up(scene: bpy.types.Scene) -> bool:
    """Whether there is nothing left to set."""
    return scene.use_audio_scrub and scene.sync_mode == "AUDIO_SYNC" and scene.render.use_lock_interface


def set_up_playback(scene: bpy.types.Scene) -> None:
    """Hear the sound while scrubbing, keep picture and sound in sync, lock the interface while rendering."""
    scene.use_audio_scrub = True
    scene.sync_mode = "AUDIO_SYNC"
    scene.render.use_lock_interface = True


class TALKSPLAT_OT_set_up_playback(BaseOperator, bpy.types.Operator):
    """Hear the sound while scrubbing, keep picture and sound in sync, and lock the interface while rendering"""

    bl_idname = "talksplat.set_up_playback"
    bl_label = "Set Up Playback"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Once is enough."""
        return "Playback is set up already" if is_set_up(context.scene) else ""

    def run(self, context: Context) -> None:
        """Set it up."""
        set_up_playback(context.scene)


CLASSES = (TALKSPLAT_OT_set_up_playback,)
