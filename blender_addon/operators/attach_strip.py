# SPDX-License-Identifier: GPL-3.0-or-later
"""Attach: the head gets the sounds to speak, those of a strip or of a channel. The worker makes one performance for a
head and a sound; it is cached by their content, so that attaching the same sound again takes no time."""

from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import bpy

from ...core.formats import SoundChoice, UserError, atomic_write
from ...core.jobs import Event, Finished, Perform, Progress, Started
from .. import head_paths, open_files, playback, preferences, running
from ..blender_types import Context, current_context
from ..head_objects import head_of, locked_reason, settings_of
from ..scene import strip as strips
from ..scene.sound_lag import measure_lag
from ..scene.versions import sequencer_scene
from ..speech import attached_sounds
from ..speech.sound_content import hash_steps, known_hash, playable_file, stamp_of
from ..speech.words_file import sharpening_words
from ..takes.blend import active_name, speech_named
from .job_result import edited_head
from .operator_base import JobOperator

SAMPLE_PERFORMANCE = running.ROOT / "samples" / "voice.performance"


def sequencer_of(context: Context, obj: bpy.types.Object) -> bpy.types.Scene:
    """The scene whose sequencer holds the head's sound: the one it names, the window's, or, where that one has no
    sound, the one that the sequencer editor shows."""
    named = settings_of(obj).strip_scene
    if named or strips.sound_strips(context.scene):
        return named or context.scene
    return sequencer_scene(context.workspace) or context.scene


def chosen_strip(context: Context, obj: bpy.types.Object) -> bpy.types.SoundStrip | None:
    """The strip that the head names or whose sound it speaks; while it names none, the only sound strip there is, or
    the first of the channel."""
    sequencer, settings = sequencer_of(context, obj), settings_of(obj)
    sounds = strips.sound_strips(sequencer)
    if not settings.strip and len(sounds) == 1:
        return sounds[0]
    found = attached_sounds.strip_of(obj, sequencer)
    if found is None and settings.listen_to == "CHANNEL":
        return attached_sounds.first_in_channel(obj, sequencer)
    return found


class Listening(NamedTuple):
    """What is to be attached."""

    head_uid: int  # session number of the object
    head: str  # absolute path
    strip: str  # name
    sequencer: str  # name of the scene
    sources: tuple[str, ...]  # as `sound_source` names them, the strip's own first
    choice: SoundChoice
    take: str  # name of the take that was active, "" for none
    words: dict[str, tuple[str, str]]  # source -> the file of its words and their hash, "" for none

    def performance(self, source: str) -> Path:
        """Where the performance of this head and that sound is cached. Raises UserError."""
        head_hash = open_files.head(self.head).hash
        sound_hash = self.choice.content_hash(known_hash(source) or "")
        parts = filter(None, (head_hash[:20], sound_hash[:20], self.words[source][1][:20]))
        return preferences.own_folder("performances") / f"{'-'.join(parts)}.performance"


class TALKSPLAT_OT_attach_strip(JobOperator, bpy.types.Operator):
    """Make the head speak the sound strip; then it can be scrubbed"""

    bl_idname = "talksplat.attach_strip"
    bl_label = "Attach"

    @classmethod
    def disabled_reason(cls, context: Context) -> str:
        """Needs a head that can listen, a sound strip and a worker."""
        obj = head_of(context)
        if obj is None or locked_reason(obj):
            return locked_reason(obj)
        if reason := attached_sounds.cannot_listen_reason(obj):
            return reason.rstrip(".")
        if not strips.sound_strips(sequencer_of(context, obj)):
            return "Press Choose Sound, or add a sound strip in the Video Sequencer"
        if chosen_strip(context, obj) is None:
            return "Choose a sound strip"
        return head_paths.missing_head_reason(obj) or running.no_worker_reason()

    def run(self, context: Context) -> None:
        """Take the cached performances, or start making them."""
        obj = head_of(context)
        strip = chosen_strip(context, obj) if obj else None
        if obj is not None and strip is not None and (sentence := attach(obj, sequencer_of(context, obj), strip)):
            self.report({"INFO"}, sentence)


def attach(obj: bpy.types.Object, sequencer: bpy.types.Scene, strip: bpy.types.SoundStrip) -> str:
    """Attach the sounds that the head should listen to: what was done, "" where that is started. Raises UserError."""
    sources = tuple(attached_sounds.wanted_sounds(obj, sequencer, strip))
    if not sources or not all(sources):
        raise UserError(f"The strip {strip.name} has no sound; add the sound again.")
    head, choice = head_paths.path_of(obj, "head"), attached_sounds.sound_choice(settings_of(obj))
    open_files.head(head)  # its encoder says whether words count
    words = {source: sharpening_words(obj, source, sources[0]) for source in sources}
    listening = Listening(obj.session_uid, head, strip.name, sequencer.name, sources, choice, active_name(obj), words)
    reading = _read_sounds(sources)
    if isinstance(next(reading), Finished):  # small, or known already
        return _listen(listening)
    running.start_local_job(TALKSPLAT_OT_attach_strip.bl_label, reading, lambda _: _listen(listening))
    return ""


def _read_sounds(sources: tuple[str, ...]) -> Generator[Event, None, None]:
    """Work out what is in each sound; where that takes no time, Finished comes at once. Raises UserError."""
    for source in sources:
        playable_file(source)  # what cannot be read is told before anything waits for it
    for number, source in enumerate(sources):
        for _ in hash_steps(source):
            yield Started(f"Reading {Path(source).name}", len(sources))
            yield Progress(number, len(sources), -1.0)
    yield Finished({})


def _listen(listening: Listening) -> str:
    """Start the worker on the first sound that has no performance yet, and so on; then attach them all."""
    for number, source in enumerate(listening.sources):
        path = listening.performance(source)
        if not path.exists() and not _take_sample(listening, source, path):
            _start(listening, source, path)
            return f"Listening to {Path(source).name} ({number + 1} of {len(listening.sources)})"
    return _attach(listening)


def has_sample_performance(head_hash: str) -> bool:
    """Whether the performance that comes with the add-on, of the sample voice, is that head's."""
    try:
        return open_files.performance(str(SAMPLE_PERFORMANCE)).head_hash == head_hash
    except UserError:  # a damaged installation: the worker listens, as to any other sound
        return False


def _take_sample(listening: Listening, source: str, path: Path) -> bool:
    """Whether the performance that comes with the add-on is this one: the sample speaks at once, before any worker has
    started. It is copied, because an update of the add-on replaces its folder."""
    sound_hash = listening.choice.content_hash(known_hash(source) or "")
    if listening.words[source][1] or not has_sample_performance(open_files.head(listening.head).hash):
        return False
    if open_files.performance(str(SAMPLE_PERFORMANCE)).audio_hash != sound_hash:
        return False
    with atomic_write(path) as temporary:
        temporary.write_bytes(SAMPLE_PERFORMANCE.read_bytes())
    return True


def _start(listening: Listening, source: str, path: Path) -> None:
    choice = listening.choice
    words = listening.words[source][0]
    job = Perform(listening.head, playable_file(source), str(path), choice.track, choice.channel, words)
    running.start_job(TALKSPLAT_OT_attach_strip.bl_label, job, lambda result: _heard(listening, path, result))


def _heard(listening: Listening, path: Path, result: dict) -> str:
    """A performance is made: what the worker said of the sound is kept with it, for whoever attaches it again."""
    with atomic_write(_note_file(path)) as temporary:
        temporary.write_text(" ".join(result["warnings"]), encoding="utf-8")
    return _listen(listening)


def _note_file(performance: Path) -> Path:
    return performance.with_suffix(".txt")


def _attach(listening: Listening) -> str:
    with edited_head(listening.head_uid) as speaker:
        speech = speech_named(speaker, listening.take)
        speech.strip = listening.strip
        if listening.sequencer != current_context().scene.name:
            speech.strip_scene = bpy.data.scenes.get(listening.sequencer)
        speech.more_sounds.clear()
        for source in listening.sources:
            item = speech.more_sounds.add() if source != listening.sources[0] else speech
            _store(speaker, item, source, listening)
        playback.refresh(current_context().scene)
        others = len(listening.sources) - 1
        return f"{speaker.name} speaks {listening.strip}" + (f" and {others} more of its channel" if others else "")


def _store(obj: bpy.types.Object, item: attached_sounds.Attached, source: str, listening: Listening) -> None:
    path = listening.performance(source)
    duration = open_files.performance(str(path)).duration
    head_paths.store_path(obj, "sound", source, item)
    item.performance = str(path)
    item.sound_lag = measure_lag(playable_file(source), duration)
    item.sound_stamp = stamp_of(source)
    item.sound_choice = attached_sounds.choice_text(listening.choice)
    note = _note_file(path)
    item.sound_note = note.read_text(encoding="utf-8") if note.is_file() else ""


CLASSES = (TALKSPLAT_OT_attach_strip,)
