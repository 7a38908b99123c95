# SPDX-License-Identifier: GPL-3.0-or-later
"""What second of a sound Blender plays at a frame, and how loud: all strips of that sound, as the sequencer mixes them.

A strip that was cut is several strips of one sound. Mute, muted channels, meta strips (their mute, their edges, their
channels) and keyed volume count as they do in Blender's own mixdown; docs/research/strip_truth.md holds the two
together.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import bpy

from ...core.formats import UserError
from .strip import Placement, frame_rate, placement
from .versions import channel_mute, curves_of, strip_frames, strips_in, volume_of

FULL_VOLUME = 0.1  # from here up the mouth opens fully: a quiet word is spoken like a loud one, a faded one is not


class Played(NamedTuple):
    """What is played at a frame."""

    seconds: Fraction  # in the sound, as the first strip alone would play it
    delay: float  # seconds that the strip which plays is later than that; taken off by `Controls.delay`
    audible: float  # 0..1


@dataclass(frozen=True)
class Piece:
    """One strip of the sound."""

    name: str
    placement: Placement
    channel: int
    is_muted: bool
    volumes: tuple[float | bpy.types.FCurve, ...]  # its own and those of the meta strips around it

    def audible(self, time: Fraction, frame: Fraction) -> float:
        """0 where it cannot be heard, 1 where it can."""
        level = 0.0 if self.is_muted else self.placement.audible(time)
        for volume in self.volumes if level else ():
            value = volume.evaluate(float(frame)) if isinstance(volume, bpy.types.FCurve) else volume
            level *= min(max(value / FULL_VOLUME, 0.0), 1.0)
        return level


@dataclass(frozen=True)
class _Around:
    """What the meta strips around a strip do to it."""

    is_muted: bool = False
    left: int | None = None  # frames
    right: int | None = None
    volumes: tuple[float | bpy.types.FCurve, ...] = ()


class SoundMix:
    """Every strip that plays one sound in a scene's sequencer."""

    def __init__(self, scene: bpy.types.Scene, path: str, first: str = "", lag: float = 0.0) -> None:
        """path: absolute, of the sound. first: the name of the strip that others are told relative to.
        lag: seconds of the sound that Blender skips at its start, as `measure_lag` gives it.

        Raises UserError for a strip that is retimed and can be heard.
        """
        self.scene, self.path = scene, path
        found = [piece for strip, around in _walk(scene) if (piece := _piece(scene, strip, around, path, lag))]
        self.pieces = sorted(found, key=lambda piece: (piece.name != first, piece.placement.left))

    def at(self, time: Fraction) -> Played | None:
        """What is played at a time of the scene, in seconds; None where no strip plays this sound at any time."""
        if not self.pieces:
            return None
        levels = [piece.audible(time, time * frame_rate(self.scene)) for piece in self.pieces]
        best = max(range(len(levels)), key=lambda i: (levels[i], _is_inside(self.pieces[i], time), -i))
        start = self.pieces[0].placement.start
        return Played(time - start, float(self.pieces[best].placement.start - start), levels[best])


def same_file(sound: bpy.types.Sound | None, path: str) -> bool:
    """Whether the sound is the file at the absolute path."""
    if sound is None or not sound.filepath or not path:
        return False
    return os.path.normpath(bpy.path.abspath(sound.filepath, library=sound.library)) == os.path.normpath(path)


def _is_inside(piece: Piece, time: Fraction) -> bool:
    return piece.placement.left <= time < piece.placement.right


def _walk(scene: bpy.types.Scene) -> Iterator[tuple[bpy.types.SoundStrip, _Around]]:
    """Every sound strip and what is around it."""
    editor = scene.sequence_editor
    todo: list[tuple[bpy.types.SequenceEditor | bpy.types.MetaStrip, _Around]] = [(editor, _Around())] if editor else []
    while todo:
        owner, around = todo.pop()
        for strip in strips_in(owner):
            inside = replace(around, is_muted=around.is_muted or strip.mute or channel_mute(owner, strip.channel))
            if isinstance(strip, bpy.types.SoundStrip):
                yield strip, inside
            elif isinstance(strip, bpy.types.MetaStrip):
                _, left, right = strip_frames(strip)
                todo.append(
                    (
                        strip,
                        replace(
                            inside,
                            left=left if inside.left is None else max(left, inside.left),
                            right=right if inside.right is None else min(right, inside.right),
                            volumes=(*inside.volumes, *_volumes(scene, strip)),
                        ),
                    )
                )


def _piece(scene: bpy.types.Scene, strip: bpy.types.SoundStrip, around: _Around, path: str, lag: float) -> Piece | None:
    """The strip as a piece of the sound; None when it plays another, or is retimed and muted."""
    if not same_file(strip.sound, path):
        return None
    try:
        place = placement(scene, strip)
    except UserError:
        if around.is_muted:
            return None
        raise
    rate = frame_rate(scene)
    left = place.left if around.left is None else max(place.left, around.left / rate)
    right = place.right if around.right is None else min(place.right, around.right / rate)
    return Piece(
        strip.name,
        Placement(place.start - Fraction(lag), max(left, place.start), right),  # a hold before the sound is silent
        strip.channel,
        around.is_muted or left >= right,
        (*around.volumes, *_volumes(scene, strip)),
    )


def _volumes(scene: bpy.types.Scene, strip: bpy.types.Strip) -> tuple[float | bpy.types.FCurve, ...]:
    """The strip's volume: its F-curve where it has one; before 5.2 a meta strip has none."""
    volume = volume_of(strip)
    if volume is None:
        return ()
    data_path = f"{strip.path_from_id()}.volume"
    curves = curves_of(scene.animation_data) if scene.animation_data else ()
    curve = next((curve for curve in curves if curve.data_path == data_path and not curve.mute), None)
    return (curve or volume,)
