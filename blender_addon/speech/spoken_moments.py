# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head, or one of its takes, speaks at a time of the scene: what the sequencer plays of it, with the sliders, as
a moment that can be shown.

take, throughout: a row of the head's list of takes; None: the active one.
"""

import os
from fractions import Fraction

import bpy

from ...core.formats import UserError
from ...core.performance import Controls, change_pose
from .. import head_paths, open_files
from ..head_objects import settings_of
from ..moments import Moment, loaded_head
from ..scene.sequence_walk import heard_strips
from ..scene.sound_mix import Played, SoundMix
from ..scene.sound_source import sound_source
from ..takes.blend import Shares, is_blending, speech_at
from .attached_sounds import attached_sounds, is_without_sound, listens_to, source_in, strip_of
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


def mix_of_shot(obj: bpy.types.Object, scene: bpy.types.Scene) -> SoundMix | None:
    """The same for a shot that is to be baked, None for one without a sound. Raises UserError where the head has a
    sound that it cannot follow."""
    if is_without_sound(obj, settings_of(obj).strip_scene or scene):
        return None
    mix = mix_of(obj, scene)
    if mix is None or not mix.pieces:
        raise UserError(f"{obj.name} has no sound strip that it can follow; choose one and press Attach.")
    return mix


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


def moment_in(obj: bpy.types.Object, mix: SoundMix | None, time: Fraction, controls: Controls) -> Moment:
    """The head's own take at a time of the scene, in seconds: what it speaks, at rest where it speaks nothing. Raises
    UserError."""
    played = mix.at(time) if mix else None
    return spoken_moment(obj, played, controls) if played else resting_moment(obj, controls, time)


def resting_moment(obj: bpy.types.Object, controls: Controls | None = None, time: Fraction = Fraction(0)) -> Moment:
    """The head at rest, with what the sliders do to it at a time of the scene, in seconds. Raises UserError for a head
    that cannot be read."""
    path = head_paths.path_of(obj, "head")
    head, stamp = loaded_head(path), open_files.head.stamp(path)
    rest = Moment(path, head.hash, "", None, Fraction(0), None, head_stamp=stamp)
    resting = head.posing.resting
    if controls is None or resting is None:
        return rest
    moves_face = bool(resting.at(time, controls).expression.any())  # also the natural blinks, a few frames each
    if not moves_face and not (head.rig and change_pose(controls)):
        return rest  # equal moments are evaluated once
    by_rig = settings_of(obj).use_rig and head.rig is not None
    return rest._replace(time=time if moves_face else Fraction(0), controls=controls, by_rig=by_rig)


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
            if played:
                return spoken_moment(self._obj, played, controls, take)
            return resting_moment(self._obj, controls, time)
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
