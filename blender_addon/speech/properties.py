# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head speaks, as the .blend keeps it: the head itself has these properties, and each of its takes."""

from typing import cast

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..blender_types import Context
from ..slider_properties import show_now

FILE = {"subtype": "FILE_PATH", "options": {"PATH_SUPPORTS_BLEND_RELATIVE"}}


class TalkSplatSound(bpy.types.PropertyGroup):
    """A further sound of the channel that a head listens to; the first one is in Speech itself."""

    sound: StringProperty(name="Sound", **FILE)
    performance: StringProperty(name="Performance", **FILE)
    sound_lag: FloatProperty(name="Sound Lag", subtype="TIME_ABSOLUTE", unit="TIME_ABSOLUTE")
    sound_stamp: StringProperty(name="Sound Stamp")
    sound_choice: StringProperty(name="Sound Choice")
    sound_note: StringProperty(name="Sound Note")


def _use_channel_of_strip(settings: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Channel was chosen: that of the strip is meant, until another one is set."""
    from . import spoken_moments

    speech, scene = cast(Speech, settings), cast(Context, context).scene
    if speech.listen_to == "CHANNEL" and (channel := spoken_moments.channel_of(speech, scene)):
        speech.listen_channel = channel
    show_now(settings, context)


class Speech:
    """Which sounds are spoken, their performances, and the bake that plays instead. Mixed into a PropertyGroup."""

    strip: StringProperty(name="Strip", description="The sound strip that the head speaks", update=show_now)
    strip_scene: PointerProperty(
        name="Scene", description="The scene whose sequencer holds the strip", type=bpy.types.Scene, update=show_now
    )
    performance: StringProperty(
        name="Performance", **FILE, description="The head's performance of the sound, a cached file that Attach makes"
    )
    sound: StringProperty(name="Sound", **FILE, description="The sound that the performance was made from")

    sound_lag: FloatProperty(
        name="Sound Lag",
        subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE",
        description="Seconds at the start of the "
        "sound file that Blender skips when it plays the strip; Attach measures them",
    )

    sound_stamp: StringProperty(name="Sound Stamp", description="Size and time of the sound file when it was attached")
    sound_choice: StringProperty(name="Sound Choice", description="The track and channel that were attached")
    sound_note: StringProperty(name="Sound Note", description="What the worker said about the sound")
    more_sounds: CollectionProperty(type=TalkSplatSound)
    words: StringProperty(
        name="Words",
        description="The file that says when each word is spoken: TextGrid, SRT, VTT, .lab or .align. One in the "
        "sound's folder, with the sound's name, is found by itself",
        **FILE,
    )
    sharpen_by_words: BoolProperty(
        name="Sharpen by Words",
        default=True,
        description="The phones of the words make the lips surer, above all closed in p, b and m. Needs Attach again",
    )

    listen_to: EnumProperty(
        name="Strips",
        description="Which strips of the sequencer the head speaks",
        default="SOUND",
        update=_use_channel_of_strip,
        items=[
            ("STRIP", "This Strip", "The chosen strip alone"),
            ("SOUND", "All Strips of This Sound", "The chosen strip and every other piece of its sound"),
            (
                "CHANNEL",
                "All Strips in a Channel",
                "Every sound strip in one channel of the sequencer, such as a dialogue track",
            ),
        ],
    )
    listen_channel: IntProperty(
        name="Channel", default=1, min=1, max=128, update=show_now, description="The channel that the head speaks"
    )
    sound_track: EnumProperty(
        name="Audio Track",
        description="Which audio track of the file the head speaks",
        default="AUTO",
        items=[
            ("AUTO", "Automatic", "The first track that is not silent", 0),
            *((f"TRACK_{number}", f"Track {number}", "", number) for number in range(1, 17)),
        ],
    )
    sound_channel: EnumProperty(
        name="Audio Channel",
        description="Which channel of the audio track the head speaks",
        default="AUTO",
        items=[
            ("AUTO", "Automatic", "All channels mixed; where they cancel out, the loudest one"),
            ("MIX", "Mix", "All channels mixed"),
            ("LEFT", "Left", "The left channel"),
            ("RIGHT", "Right", "The right channel"),
            *((f"NUMBER_{number}", f"Channel {number}", "") for number in range(3, 9)),
        ],
    )

    bake: StringProperty(name="Bake", description="The .bake file that plays", **FILE)
