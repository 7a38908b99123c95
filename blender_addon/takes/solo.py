# SPDX-License-Identifier: GPL-3.0-or-later
"""Solo: the strips of the takes that are not chosen are muted, and unmuted when they are. Which ones were muted in this
way is kept in the rows, so that what an artist muted stays muted."""

import bpy

from ..head_objects import settings_of
from ..scene.sound_mix import chosen_strips
from ..speech.attached_sounds import listens_to
from .blend import speech_at


def hear_alone(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Mute the strips of the other takes, and unmute those of the active one that were muted in this way."""
    settings = settings_of(obj)
    own = _strips_of(obj, scene, settings.loaded_take)
    _unmute(obj, own)
    for row, take in enumerate(settings.takes):
        strips = _strips_of(obj, scene, row) if row != settings.loaded_take else []
        heard = [strip for strip in strips if strip not in own and not strip.mute]
        for strip in heard:
            strip.mute = True
        take.muted_strips = "\n".join([*take.muted_strips.splitlines(), *(strip.name for strip in heard)])


def hear_all(obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Unmute all that was muted in this way."""
    _unmute(obj, [strip for row in range(len(settings_of(obj).takes)) for strip in _strips_of(obj, scene, row)])


def _unmute(obj: bpy.types.Object, strips: list[bpy.types.SoundStrip]) -> None:
    names = {strip.name for strip in strips}
    for take in settings_of(obj).takes:
        muted = take.muted_strips.splitlines()
        for strip in strips:
            if strip.name in muted:
                strip.mute = False
        take.muted_strips = "\n".join(name for name in muted if name not in names)


def _strips_of(obj: bpy.types.Object, scene: bpy.types.Scene, row: int) -> list[bpy.types.SoundStrip]:
    """The strips of a take that this file may change."""
    speech = speech_at(obj, row)
    sequencer = speech.strip_scene or scene
    heard = chosen_strips(sequencer, listens_to(obj, sequencer, speech))
    return [one.strip for one in heard if one.scene.library is None]
