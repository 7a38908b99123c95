# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head, or one of its takes, speaks at a time of the scene: what the sequencer plays of it, with the sliders, as
a moment that can be shown.

take, throughout: a row of the head's list of takes; None: the active one.
"""

import os
from fractions import Fraction

import bpy

from ...core.formats import UserError
from ...core.performance import Controls
from .. import head_paths, open_files
from ..head_objects import settings_of
from ..moments import Moment, loaded_head
from ..scene.sequence_walk import heard_strips
from ..scene.sound_mix import Played, SoundMix
from ..scene.sound_source import sound_source
from ..takes.blend import Shares, is_blending, speech_at
from .attached_sounds import attached_sounds, listens_to, source_in, strip_of
from .properties import Speech


def mix_of(obj: bpy.types.Object, scene: bpy.types.Scene, take: int | None = None) -> SoundMix | None:
    """All that the sequencer plays of what the head listens to; None for a head without a sound, or one whose strip now
    plays another. The strip's name may be gone (renamed, cut): the sound is what counts. Raises UserError."""
    speech = speech_at(obj, take)
    sequencer = speech.strip_scene or scene
    strip = strip_of(obj, sequencer, speech)
    is_channel = speech.listen_to == "CHANNEL"
    if not speech.performance or not (is_channel or (strip and sound_source(strip.sound) == source_in(obj, speech))):
        return None
    choice = listens_to(obj, sequencer, speech)._replace(unmuted=_unmuted_strips(obj, take))
    return SoundMix(sequencer, choice, speech.strip)


def _unmuted_strips(obj: bpy.types.Object, take: int | None) -> frozenset[str] | None:
    """Of a take that is blended or compared: the strips that were muted because another take was chosen. None: what is
    muted is not spoken."""
    settings = settings_of(obj)
    if take in (None, settings.loaded_take) and not is_blending(obj):
        return None
    return frozenset(name for row in settings.takes for name in row.muted_strips.splitlines())


def spoken_moment(obj: bpy.types.Object, played: Played, controls: Controls, take: int | None = None) -> Moment:
    """The head speaking what is played, with these sliders. Raises UserError."""
    settings, speech = settings_of(obj), speech_at(obj, take)
    path = head_paths.path_of(obj, "performance", attached_sounds(obj, speech)[played.sound])
    if open_files.performance(path).head_hash != settings.head_hash:
        raise UserError(f"{os.path.basename(path)} is the performance of another head; press Attach to make a new one.")
    head, stamp = head_paths.path_of(obj, "head"), open_files.performance.stamp(path)
    by_rig, head_stamp = settings.use_rig and loaded_head(head).rig is not None, open_files.head.stamp(head)
    return Moment(
        head,
        settings.head_hash,
        path,
        stamp,
        played.seconds,
        gate(controls, played),
        head_stamp=head_stamp,
        by_rig=by_rig,
    )


def resting_moment(obj: bpy.types.Object) -> Moment:
    """The head at rest. Raises UserError for a head that cannot be read."""
    path = head_paths.path_of(obj, "head")
    return Moment(path, loaded_head(path).hash, "", None, Fraction(0), None, head_stamp=open_files.head.stamp(path))


class TakeBlend:
    """Puts a head's takes together; holds what the sequencer plays of each, so that a shot asks once."""

    def __init__(self, obj: bpy.types.Object, scene: bpy.types.Scene) -> None:
        self._obj, self._scene = obj, scene
        self._mixes: dict[int, SoundMix | None] = {}

    def into(self, moment: Moment, time: Fraction, controls: Controls, shares: Shares) -> Moment:
        """The active take's moment at a time of the scene, in seconds, with the shares of all takes. Raises UserError,
        which names the take."""
        active = settings_of(self._obj).loaded_take
        return moment._replace(
            takes=tuple(
                (share, moment if take == active else self._moment(take, time, controls)) for take, share in shares
            )
        )

    def _moment(self, take: int, time: Fraction, controls: Controls) -> Moment:
        try:
            if take not in self._mixes:
                self._mixes[take] = mix_of(self._obj, self._scene, take)
            mix = self._mixes[take]
            played = mix.at(time) if mix else None
            return spoken_moment(self._obj, played, controls, take) if played else resting_moment(self._obj)
        except UserError as error:
            raise UserError(f"{settings_of(self._obj).takes[take].name} cannot be blended: {error}") from error


def gate(controls: Controls, played: Played) -> Controls:
    """The sliders for what is played: the mouth rests where nothing can be heard, and follows the strip that plays."""
    if played.audible == 1.0 and played.delay == 0.0:
        return controls
    intensity, delay = controls.intensity * played.audible, controls.delay + played.delay
    return Controls(**{**vars(controls), "intensity": intensity, "delay": delay})


def channel_of(speech: Speech, scene: bpy.types.Scene) -> int:
    """The channel of the sequencer that the strip lies in; 0 for none."""
    heard = heard_strips(speech.strip_scene or scene)
    return next((h.channel for h in heard if h.strip.name == speech.strip), 0)
