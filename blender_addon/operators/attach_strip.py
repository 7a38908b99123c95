# SPDX-License-Identifier: GPL-3.0-or-later
"""Attach: the head listens to a sound strip. The worker makes the performance once per head and sound;
the cache keeps it, so that attaching the same sound again takes no time."""

from pathlib import Path

import bpy

from ...core.jobs import Perform
from .. import open_files, playback, preferences, running
from ..properties import TalkSplatHead, head_of
from ..scene import strip as strips
from .job_result import edited_head
from .operator_base import JobOperator


def sequencer_of(context: bpy.types.Context, settings: TalkSplatHead) -> bpy.types.Scene:
    """The scene whose sequencer the head listens to: the one it names, the window's, or, where that one has no
    sound, the one that the sequencer editor edits (Blender 5.0 tells the two apart)."""
    edited = getattr(context.workspace, "sequencer_scene", None)
    return settings.strip_scene or (context.scene if strips.sound_strips(context.scene) else edited or context.scene)


def chosen_strip(context: bpy.types.Context, body: bpy.types.Object) -> bpy.types.Strip | None:
    """The strip the head names; while it names none, the only sound strip there is."""
    sequencer = sequencer_of(context, body.talksplat)
    sounds = strips.sound_strips(sequencer)
    if not body.talksplat.strip and len(sounds) == 1:
        return sounds[0]
    return strips.find_strip(sequencer, body.talksplat.strip)


def performance_path(head_hash: str, sound: str) -> Path:
    """Where in the cache the performance of this head and this sound lies. Raises Refusal."""
    return preferences.own_folder("performances") / f"{head_hash[:20]}-{open_files.digest(sound)[:20]}.performance"


class TALKSPLAT_OT_attach_strip(JobOperator, bpy.types.Operator):
    """Let the head listen to the sound strip; then it can be scrubbed"""

    bl_idname = "talksplat.attach_strip"
    bl_label = "Attach"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        body = head_of(context)
        if body is None:
            return "Select a head first"
        if not strips.sound_strips(sequencer_of(context, body.talksplat)):
            return "Add a sound strip in the Video Sequencer first"
        if chosen_strip(context, body) is None:
            return "Choose the strip to listen to"
        return running.no_worker_reason()

    def act(self, context: bpy.types.Context) -> None:
        body = head_of(context)
        strip = chosen_strip(context, body)
        sound, head = (
            open_files.absolute(strips.sound_path(strip)),
            open_files.head(open_files.absolute(body.talksplat.head)),
        )
        path = performance_path(head.hash, sound)
        name, uid = strip.name, body.session_uid
        sequencer = sequencer_of(context, body.talksplat).name

        def then(_result: dict) -> str:
            with edited_head(uid) as listener:
                listener.talksplat.strip = name
                if sequencer != bpy.context.scene.name:
                    listener.talksplat.strip_scene = bpy.data.scenes.get(sequencer)
                listener.talksplat.sound = open_files.storable(sound)
                listener.talksplat.performance = str(path)
                playback.refresh(bpy.context.scene)
                return f"{listener.name} listens to {name}"

        if path.exists():
            self.report({"INFO"}, then({}))
        else:
            running.start_job(self.bl_label, Perform(head.file.source, sound, str(path)), then)


CLASSES = (TALKSPLAT_OT_attach_strip,)
