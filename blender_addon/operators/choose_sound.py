# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose Sound: from a sound file to a speaking head in one step: a strip at the current frame, playback set up, the
scene long enough, and Attach."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.formats import UserError
from .. import open_files, running
from ..blender_types import Context, OperatorResult
from ..head_objects import head_of, locked_reason, settings_of
from ..running import ROOT
from ..scene.versions import strip_frames, top_strips
from ..speech.attached_sounds import cannot_listen_reason
from .attach_strip import attach, has_sample_performance, sequencer_of
from .operator_base import UNDOABLE, JobOperator, has_window
from .set_up_playback import set_up_playback

SAMPLE_VOICE = ROOT / "samples" / "voice.wav"


def free_channel(sequencer: bpy.types.Scene) -> int:
    """The lowest channel without a strip."""
    taken = {strip.channel for strip in top_strips(sequencer.sequence_editor_create())}
    return next(channel for channel in range(1, len(taken) + 2) if channel not in taken)


def add_strip(sequencer: bpy.types.Scene, path: str) -> bpy.types.SoundStrip:
    """A new strip of the file at the current frame, in a channel of its own. Raises UserError for no sound."""
    if not Path(path).is_file():
        what = "is a folder; choose a sound or a film in it" if Path(path).is_dir() else "no such file; check the path"
        raise UserError(f"{path}: {what}.")
    top = top_strips(sequencer.sequence_editor_create())
    strip = top.new_sound(Path(path).stem, path, free_channel(sequencer), sequencer.frame_current)
    sound = strip.sound
    if sound.channels == "INVALID":  # Blender takes any file
        top.remove(strip)
        bpy.data.sounds.remove(sound)
        raise UserError(f"{path}: has no sound that Blender can read; choose another file.")
    _start, _left, end = strip_frames(strip)
    sequencer.frame_end = max(sequencer.frame_end, end - 1)
    return strip


def speak(context: Context, path: str) -> str:
    """Add the file as a strip, set up playback, attach: what was done, "" where that is started. Raises UserError."""
    obj = head_of(context)
    if obj is None:
        raise UserError("No head is selected; select one first.")
    sequencer, settings = sequencer_of(context, obj), settings_of(obj)
    strip = add_strip(sequencer, path)
    settings.strip = strip.name
    if settings.listen_to == "CHANNEL":
        settings.listen_to = "SOUND"
    set_up_playback(context.scene)
    return attach(obj, sequencer, strip)


class _Speaking(JobOperator):
    """An operator that gives the head a sound."""

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head that can listen, and a worker."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        return cannot_listen_reason(obj).rstrip(".") or running.no_worker_reason()

    def say(self, sentence: str) -> None:
        """Report what was done at once; a job reports its end itself."""
        if sentence:
            self.report({"INFO"}, sentence)


class TALKSPLAT_OT_choose_sound(_Speaking, bpy.types.Operator):
    """Choose a sound or a film: it becomes a strip at the current frame, and the head speaks it"""

    bl_idname = "talksplat.choose_sound"
    bl_label = "Choose Sound"
    bl_options = UNDOABLE

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_sound: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: Context, event: bpy.types.Event) -> OperatorResult:
        """Ask for the file."""
        self._is_from_window = has_window()
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> None:
        """Add the strip and attach it."""
        self.say(speak(context, open_files.absolute(self.filepath)))


class TALKSPLAT_OT_sample_voice(_Speaking, bpy.types.Operator):
    """Let the head speak the sample sentence that comes with the add-on"""

    bl_idname = "talksplat.sample_voice"
    bl_label = "Sample Voice"
    bl_options = UNDOABLE

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """The sample head's performance of it comes with the add-on; any other head needs a worker."""
        obj = head_of(context)
        if obj is not None and has_sample_performance(settings_of(obj).head_hash):
            return locked_reason(obj) or running.busy_reason()
        return super().disabled_reason(context)

    def run(self, context: Context) -> None:
        """Add the strip and attach it."""
        self.say(speak(context, str(SAMPLE_VOICE)))


CLASSES = (TALKSPLAT_OT_choose_sound, TALKSPLAT_OT_sample_voice)
