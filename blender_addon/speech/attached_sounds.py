# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sounds a head listens to, and whether they still are what it listened to when Attach was pressed."""

from pathlib import Path

import bpy

from ...core.formats import SoundChoice, UserError, hash_of_sounds
from ...core.jobs import Bake
from .. import head_paths, open_files
from ..head_objects import settings_of
from ..properties import TalkSplatHead
from ..scene import strip as strips
from ..scene.sequence_walk import heard_strips
from ..scene.sound_mix import Choice
from ..scene.sound_source import sound_source
from .properties import Speech, TalkSplatSound
from .sound_content import known_hash, stamp_of
from .words_file import sharpening_words

Attached = Speech | TalkSplatSound  # both have sound, performance, sound_lag, sound_stamp, sound_choice


def source_in(obj: bpy.types.Object, attached: Attached) -> str:
    """The sound's name as `sound_source` gives it; "" for none."""
    return head_paths.path_of(obj, "sound", attached)


def attached_sounds(obj: bpy.types.Object, speech: Speech | None = None) -> dict[str, Attached]:
    """The sounds whose performances the head has, the first that of its strip. Sound -> what is stored of it.

    speech, here and below: that of one of the head's takes; None: of the head itself.
    """
    speech = speech or settings_of(obj)
    return {source_in(obj, item): item for item in (speech, *speech.more_sounds) if item.sound}


def sound_choice(settings: TalkSplatHead) -> SoundChoice:
    """The track and channel that the panel says."""
    track, channel = settings.sound_track, settings.sound_channel
    number = int(track.removeprefix("TRACK_")) if track.startswith("TRACK_") else 0
    return SoundChoice(number, "" if channel == "AUTO" else channel.lower().removeprefix("number_"))


def choice_text(choice: SoundChoice) -> str:
    """As `sound_choice` is stored with an attached sound; "" for what nobody chose."""
    return "" if choice == SoundChoice() else f"{choice.track} {choice.channel}"


def strip_of(
    obj: bpy.types.Object, sequencer: bpy.types.Scene, speech: Speech | None = None
) -> bpy.types.SoundStrip | None:
    """The strip that the head names; where it was renamed or deleted, another one of the sound that it speaks."""
    speech = speech or settings_of(obj)
    named = strips.find_strip(sequencer, speech.strip)
    if named is not None or not speech.strip:
        return named
    source = source_in(obj, speech)
    return next((strip for strip in strips.sound_strips(sequencer) if sound_source(strip.sound) == source), None)


def first_in_channel(obj: bpy.types.Object, sequencer: bpy.types.Scene) -> bpy.types.SoundStrip | None:
    """The first sound strip of the channel that the head listens to, or None."""
    channel = settings_of(obj).listen_channel
    found = [h.strip for h in heard_strips(sequencer) if h.channel == channel and h.strip.sound]
    return min(found, key=lambda strip: strips.strip_frames(strip)[1], default=None)


def wanted_sounds(obj: bpy.types.Object, sequencer: bpy.types.Scene, strip: bpy.types.SoundStrip | None) -> list[str]:
    """The sounds that the head should listen to, that of its strip first."""
    settings = settings_of(obj)
    if settings.listen_to != "CHANNEL":
        return [sound_source(strip.sound)] if strip else []
    heard = [h for h in heard_strips(sequencer) if h.channel == settings.listen_channel and h.strip.sound]
    heard.sort(key=lambda h: (h.strip != strip, strips.strip_frames(h.strip)[1]))
    return [source for source in dict.fromkeys(sound_source(h.strip.sound) for h in heard) if source]


def listens_to(obj: bpy.types.Object, sequencer: bpy.types.Scene, speech: Speech | None = None) -> Choice:
    """What of the sequencer the head listens to."""
    sounds = {source: item.sound_lag for source, item in attached_sounds(obj, speech).items()}
    speech = speech or settings_of(obj)
    if speech.listen_to == "CHANNEL":
        return Choice(sounds, channel=speech.listen_channel)
    is_there = speech.listen_to == "STRIP" and strips.find_strip(sequencer, speech.strip) is not None
    first = dict(list(sounds.items())[:1])
    return Choice(first, strip=speech.strip if is_there else "")


def no_bake_reason(obj: bpy.types.Object) -> str:
    """Why nothing can be made from the head's bake, in one sentence; "" where there is one."""
    return "" if settings_of(obj).bake else "Bake the shot first"


def silent_reason(obj: bpy.types.Object) -> str:
    """Why no sound moves the head, in one sentence; "" for one that speaks, or is not loaded."""
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    if head is None or head.posing.speaks:
        return ""
    if head.rig is None:
        return "This head was imported and stands still: no sound moves it."
    return "This head was imported and speaks no sound: key its channels."


def cannot_listen_reason(obj: bpy.types.Object) -> str:
    """Why the head can listen to no sound, in one sentence; "" for one that can, or is not loaded."""
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    if head is None or (reason := silent_reason(obj)):
        return "" if head is None else reason
    lacks_nets = not all(head.file.part(f"{branch}.audio") for branch in head.file.card.branches)
    return "The head's file has no audio nets, so it can listen to no sound: bake it without one." if lacks_nets else ""


def is_without_sound(obj: bpy.types.Object, sequencer: bpy.types.Scene) -> bool:
    """Whether the head's shot has no sound: it can listen to none, or no strip is chosen for it."""
    settings = settings_of(obj)
    is_chosen = settings.strip or (settings.listen_to == "CHANNEL" and first_in_channel(obj, sequencer))
    return not is_chosen or bool(cannot_listen_reason(obj))


def unattached_reason(obj: bpy.types.Object, sequencer: bpy.types.Scene) -> str:
    """Why the head does not hear what its shot has, in one sentence; "" for a shot without a sound, too. Costs as
    `attach_reason`."""
    return "" if is_without_sound(obj, sequencer) else attach_reason(obj, sequencer)


def attach_reason(obj: bpy.types.Object, sequencer: bpy.types.Scene) -> str:
    """Why Attach should be pressed, in one sentence; "" when all that the head should speak is attached. Costs a look
    at the disk for each sound."""
    if reason := cannot_listen_reason(obj):
        return reason
    attached, wanted = attached_sounds(obj), wanted_sounds(obj, sequencer, strip_of(obj, sequencer))
    settings = settings_of(obj)
    if not wanted and settings.strip and settings.listen_to != "CHANNEL":
        return f"The strip {settings.strip} is not there any more: choose another, or none to bake without a sound."
    if not wanted:
        return "No sound strip is chosen: press Choose Sound, or choose a strip and press Attach."
    missing = [source for source in wanted if source not in attached]
    if missing:
        return f"{Path(missing[0]).name} is not attached yet: press Attach."
    if any(attached[source].sound_choice != choice_text(sound_choice(settings)) for source in wanted):
        return "Another track or channel was chosen: press Attach again."
    for source in wanted:
        if not Path(head_paths.path_of(obj, "performance", attached[source])).is_file():
            return f"The performance of {Path(source).name} is missing on this machine: press Attach."
        if _has_other_words(obj, source, attached[source]):
            return f"The words of {Path(source).name} are not those that were attached: press Attach."
    return changed_sentence(obj)


def audio_hash(job: Bake, obj: bpy.types.Object) -> str:
    """What a bake of `job`, whose sounds are named as `sound_source` names them, calls its sound, as the head's
    performances say; "" for none. The track and channel are in it. Raises UserError where a performance is missing."""
    attached = attached_sounds(obj)
    paths = [head_paths.path_of(obj, "performance", attached[source]) for source in job.sounds]
    return hash_of_sounds([open_files.performance(path).audio_hash for path in paths], job.audio_per_frame)


def changed_sentence(obj: bpy.types.Object) -> str:
    """That a sound has changed since the head listened to it; "" when none has, or that is not known yet. A file with
    another time may still hold the same sound: then a thread looks."""
    for source, item in attached_sounds(obj).items():
        stamp = stamp_of(source)
        if stamp and item.sound_stamp and stamp != item.sound_stamp and _is_other_sound(obj, source, item):
            return f"The sound {Path(source).name} has changed since it was attached: Attach again."
    return ""


def _has_other_words(obj: bpy.types.Object, source: str, item: Attached) -> bool:
    try:
        heard = open_files.performance(head_paths.path_of(obj, "performance", item)).words_hash
    except UserError:  # it has its own sentence elsewhere
        return False
    return heard != sharpening_words(obj, source)[1]


def _is_other_sound(obj: bpy.types.Object, source: str, item: Attached) -> bool:
    try:
        digest = known_hash(source)
        heard = open_files.performance(head_paths.path_of(obj, "performance", item)).audio_hash
    except UserError:  # a sound or a performance that cannot be read has its own sentence elsewhere
        return False
    track, _, channel = item.sound_choice.partition(" ")
    choice = SoundChoice(int(track), channel) if track.isdigit() else SoundChoice()
    return digest is not None and choice.content_hash(digest) != heard
