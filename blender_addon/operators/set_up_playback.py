# SPDX-License-Identifier: GPL-3.0-or-later
"""Set Up Playback: hear the sound while scrubbing, keep picture and sound together while playing."""

import bpy

from .operator_base import UNDOABLE, BaseOperator


def is_set_up(scene: bpy.types.Scene) -> bool:
    return scene.use_audio_scrub and scene.sync_mode == "AUDIO_SYNC" and scene.render.use_lock_interface


class TALKSPLAT_OT_set_up_playback(BaseOperator, bpy.types.Operator):
    """Hear the sound while scrubbing, keep sound and picture in step, and lock the interface while rendering"""

    bl_idname = "talksplat.set_up_playback"
    bl_label = "Set Up Playback"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return "Playback is set up already" if is_set_up(context.scene) else ""

    def act(self, context: bpy.types.Context) -> None:
        context.scene.use_audio_scrub = True
        context.scene.sync_mode = "AUDIO_SYNC"
        context.scene.render.use_lock_interface = True


CLASSES = (TALKSPLAT_OT_set_up_playback,)
