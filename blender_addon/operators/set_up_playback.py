# SPDX-License-Identifier: GPL-3.0-or-later
"""Set Up Playback: hear the sound while scrubbing, keep picture and sound in sync while playing, see true colours."""

import bpy

from ..blender_types import Context
from ..scene.solid_shading import dark_views, use_true_colours
from .operator_base import UNDOABLE, BaseOperator


def is_set_up(scene: bpy.types.Scene) -> bool:
    """Whether there is nothing left to set."""
    is_in_sync = scene.use_audio_scrub and scene.sync_mode == "AUDIO_SYNC"
    return is_in_sync and scene.render.use_lock_interface and not dark_views()


def set_up_playback(scene: bpy.types.Scene) -> None:
    """Hear the sound while scrubbing, keep picture and sound in sync, lock the interface while rendering, and, where
    Blender draws the heads itself (5.3), show their true colours in Solid."""
    scene.use_audio_scrub = True
    scene.sync_mode = "AUDIO_SYNC"
    scene.render.use_lock_interface = True
    use_true_colours()


class TALKSPLAT_OT_set_up_playback(BaseOperator, bpy.types.Operator):
    """Hear the sound while scrubbing, keep picture and sound in sync, lock the interface while rendering, and show \
heads in their true colours in Solid"""

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
