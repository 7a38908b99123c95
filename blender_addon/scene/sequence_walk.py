# SPDX-License-Identifier: GPL-3.0-or-later
"""Every sound strip of a scene's sequencer, with all that lies around it: meta strips, and scene strips that play the
sequencer of another scene."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import bpy

from .strip import frame_rate, scene_time
from .versions import channel_mute, curves_of, is_retimed, strip_frames, strips_in, volume_of


class Volume(NamedTuple):
    """A strip's volume, which may be keyed in the scene that holds the strip."""

    value: float | bpy.types.FCurve
    shift: Fraction  # seconds by which that scene's time is behind the time of the scene that plays
    rate: Fraction  # of that scene, times its time stretching: frames of the curve a second

    def at(self, time: Fraction) -> float:
        """At a time of the scene that plays, in seconds."""
        if isinstance(self.value, bpy.types.FCurve):
            return self.value.evaluate(float((time - self.shift) * self.rate))
        return self.value


@dataclass(frozen=True)
class _Around:
    """What is around a strip. Seconds are of the scene that plays."""

    scene: bpy.types.Scene  # whose sequencer holds the strip
    scenes: tuple[bpy.types.Scene, ...]  # it and those around it
    shift: Fraction = Fraction(0)
    channel: int = 0  # in the sequencer of the scene that plays
    is_muted: bool = False
    left: Fraction | None = None  # seconds
    right: Fraction | None = None
    retimed_owner: str = ""
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True)
class Heard:
    """A sound strip and what is done to it. Seconds are of the scene that plays."""

    strip: bpy.types.SoundStrip
    scene: bpy.types.Scene  # whose sequencer holds the strip
    shift: Fraction  # seconds by which that scene's time is behind the time of the scene that plays
    channel: int  # of the scene that plays: the strip's own, or that of the outermost strip around it
    is_muted: bool
    left: Fraction | None  # seconds between which the strips around it let it be heard
    right: Fraction | None
    retimed_owner: str  # name of a strip around it that is retimed, "" where there is none
    volumes: tuple[Volume, ...]


def heard_strips(scene: bpy.types.Scene) -> Iterator[Heard]:
    """Every sound strip. A scene within itself is left out, as Blender does."""
    todo: list[tuple[bpy.types.SequenceEditor | bpy.types.MetaStrip, _Around]] = []
    if (editor := scene.sequence_editor) is not None:
        todo.append((editor, _Around(scene, (scene,))))
    while todo:
        owner, around = todo.pop()
        for strip in strips_in(owner):
            inside = replace(
                around,
                is_muted=around.is_muted or strip.mute or channel_mute(owner, strip.channel),
                channel=around.channel or strip.channel,
                volumes=(*around.volumes, *_volumes(around, strip)),
            )
            if isinstance(strip, bpy.types.SoundStrip):
                yield _heard(strip, inside)
            elif isinstance(strip, bpy.types.MetaStrip):
                todo.append((strip, _within(strip, inside)))
            elif isinstance(strip, bpy.types.SceneStrip) and (other := _played_scene(strip, inside)):
                if (editor := other.sequence_editor) is not None:
                    todo.append((editor, _in_scene(strip, other, inside)))


def _heard(strip: bpy.types.SoundStrip, around: _Around) -> Heard:
    names = ("scene", "shift", "channel", "is_muted", "left", "right", "retimed_owner", "volumes")
    return Heard(strip, **{name: getattr(around, name) for name in names})


def _within(strip: bpy.types.MetaStrip | bpy.types.SceneStrip, around: _Around) -> _Around:
    """What is inside of the strip is heard between its edges."""
    _, first, last = strip_frames(strip)
    left, right = (scene_time(around.scene, frame) + around.shift for frame in (first, last))
    return replace(
        around,
        left=left if around.left is None else max(left, around.left),
        right=right if around.right is None else min(right, around.right),
        retimed_owner=strip.name if is_retimed(strip) else around.retimed_owner,
    )


def _played_scene(strip: bpy.types.SceneStrip, around: _Around) -> bpy.types.Scene | None:
    """The scene whose sound the strip plays: with the sequencer as its input, not with the camera."""
    scene = strip.scene
    is_played = scene is not None and strip.scene_input == "SEQUENCER" and scene not in around.scenes
    return scene if is_played else None


def _in_scene(strip: bpy.types.SceneStrip, other: bpy.types.Scene, around: _Around) -> _Around:
    """The strip plays the other scene from its first frame, a number of frames that Blender takes at its own rate."""
    start = scene_time(around.scene, strip_frames(strip)[0]) - scene_time(around.scene, other.frame_start)
    inside = _within(strip, around)
    return replace(inside, scene=other, scenes=(*around.scenes, other), shift=around.shift + start)


def _volumes(around: _Around, strip: bpy.types.Strip) -> tuple[Volume, ...]:
    """The strip's volume: its F-curve where it has one; before 5.2 a meta strip has none."""
    volume, scene = volume_of(strip), around.scene
    if volume is None:
        return ()
    data_path = f"{strip.path_from_id()}.volume"
    curves = curves_of(scene.animation_data) if scene.animation_data else ()
    curve = next((curve for curve in curves if curve.data_path == data_path and not curve.mute), None)
    stretched = frame_rate(scene) * Fraction(scene.render.frame_map_old, scene.render.frame_map_new)
    return (Volume(curve or volume, around.shift, stretched),)
