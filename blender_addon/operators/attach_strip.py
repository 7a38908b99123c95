# SPDX-License-Identifier: GPL-3.0-or-later
"""Attach: the head gets a sound strip to speak. The worker makes the performance once for a head and a sound; it is
cached, so that attaching the same sound again takes no time."""

from pathlib import Path

import bpy

from ...core.jobs import Perform
from .. import head_paths, open_files, playback, preferences, running
from ..blender_types import Context, current_context
from ..properties import head_of, locked_reason, settings_of
from ..scene import strip as strips
from ..scene.sound_lag import measure_lag
from ..scene.versions import sequencer_scene
from .job_result import edited_head
from .operator_base import JobOperator


def sequencer_of(context: Context, obj: bpy.types.Object) -> bpy.types.Scene:
    """The scene whose sequencer holds the head's sound: the one it names, the window's, or, where that one has no
    sound, the one that the sequencer editor shows."""
    named = settings_of(obj).strip_scene
    if named or strips.sound_strips(context.scene):
        return named or context.scene
    return sequencer_scene(context.workspace) or context.scene


def chosen_strip(context: Context, obj: bpy.types.Object) -> bpy.types.SoundStrip | None:
    """The strip that the head names or whose sound it speaks; while it names none, the only sound strip there is."""
    sequencer, name = sequencer_of(context, obj), settings_of(obj).strip
    sounds = strips.sound_strips(sequencer)
    if not name and len(sounds) == 1:
        return sounds[0]
    return playback.strip_of(obj, sequencer)


def performance_path(head_hash: str, sound: str) -> Path:
    """Where the performance of this head and this sound is cached. Raises UserError."""
    return preferences.own_folder("performances") / f"{head_hash[:20]}-{open_files.sound_hash(sound)[:20]}.performance"


class TALKSPLAT_OT_attach_strip(JobOperator, bpy.types.Operator):
    """Make the head speak the sound strip; then it can be scrubbed"""

    bl_idname = "talksplat.attach_strip"
    bl_label = "Attach"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head, a sound strip and a worker."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        if not strips.sound_strips(sequencer_of(context, obj)):
            return "Add a sound strip in the Video Sequencer first"
        if chosen_strip(context, obj) is None:
            return "Choose a sound strip"
        return running.no_worker_reason()

    def run(self, context: Context) -> None:
        """Take the cached performance, or start making it."""
        obj = head_of(context)
        strip = chosen_strip(context, obj) if obj else None
        if obj is None or strip is None:
            return
        sound, head = open_files.absolute(strips.sound_path(strip)), head_paths.path_of(obj, "head")
        path = performance_path(open_files.head(head).hash, sound)
        name, uid, sequencer = strip.name, obj.session_uid, sequencer_of(context, obj).name

        def attach(_result: dict) -> str:
            lag = measure_lag(sound, open_files.performance(str(path)).duration)
            with edited_head(uid) as speaker:
                settings = settings_of(speaker)
                settings.sound_lag = lag
                head_paths.store_path(speaker, "sound", sound)
                settings.strip, settings.performance = name, str(path)
                if sequencer != current_context().scene.name:
                    settings.strip_scene = bpy.data.scenes.get(sequencer)
                playback.refresh(current_context().scene)
                return f"{speaker.name} speaks {name}"

        if path.exists():
            self.report({"INFO"}, attach({}))
        else:
            running.start_job(self.bl_label, Perform(head, sound, str(path)), attach)


CLASSES = (TALKSPLAT_OT_attach_strip,)
