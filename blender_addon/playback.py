# SPDX-License-Identifier: GPL-3.0-or-later
"""What every head's cloud shows at this moment: the baked frame where there is one, else the replay.

`refresh` compares what each head should show (its file, its time, its sliders) with what was last written into its
cloud and writes only what differs, so the handlers may call it as often as they like. It never raises for bad input:
the sentence is kept, `problem_of` gives it and the panel shows it.
"""

import math
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ..core.formats import UserError
from ..core.performance import Controls, Frame
from . import open_files
from .blender_types import cloud_of, current_context
from .properties import heads_of, settings_of
from .scene import strip as strips
from .scene.point_cloud import push
from .scene.sound_mix import Played, SoundMix, same_file

MAX_CACHED_BYTES = 128 << 20  # of frames kept for scrubbing over the same place again


class Moment(NamedTuple):
    """What a head should show; equal moments show the same."""

    head: str  # absolute path
    hash: str
    source: str  # the bake's or the performance's absolute path, or "" for the head at rest
    stamp: tuple[int, int] | None  # of the source's file
    time: Fraction  # a bake: its frame, between two for sub-frames; a performance: seconds in the sound
    controls: Controls | None  # None: a bake's frame, or the head at rest


_shown: dict[int, Moment] = {}  # session number of the cloud -> what was written into it
_problems: dict[int, str] = {}  # session number of the object -> why it does not show what it should
_frames: OrderedDict[Moment, Frame] = OrderedDict()  # the most recently used last
_suspended = 0


def problem_of(obj: bpy.types.Object) -> str:
    """Why the head does not show what it should, in one sentence; "" when it does."""
    return _problems.get(obj.session_uid, "")


def refresh(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Bring every head of the scene up to the scene's current frame.

    depsgraph: read the sliders there (a render has its own); None: read the objects themselves.
    """
    if _suspended:
        return
    for obj in heads_of(scene):
        try:
            _show(obj, scene, obj.evaluated_get(depsgraph) if depsgraph else obj)
            _problems.pop(obj.session_uid, None)
        except UserError as error:
            _problems[obj.session_uid] = str(error)


def _show(obj: bpy.types.Object, scene: bpy.types.Scene, evaluated: bpy.types.Object) -> None:
    settings, cloud = settings_of(obj), cloud_of(obj)
    head = open_files.head(open_files.absolute(settings.head))
    if len(cloud.points) != len(head) or head.hash != settings.head_hash:
        raise UserError(f"{Path(head.file.source).name} has changed since it was loaded; press Reload.")
    moment = moment_of(obj, scene, strips.current_frame(scene), settings_of(evaluated).controls.values())
    if _shown.get(cloud.session_uid) != moment:
        push(cloud, frame_of(moment))
        _shown[cloud.session_uid] = moment


def moment_of(obj: bpy.types.Object, scene: bpy.types.Scene, frame: Fraction, controls: Controls) -> Moment:
    """What a head should show at a frame of the scene with these sliders. Raises UserError."""
    settings = settings_of(obj)
    head = open_files.absolute(settings.head)
    if settings.bake and settings.use_bake:
        path = open_files.absolute(settings.bake)
        bake = open_files.bake(path)
        if bake.card.head_hash != settings.head_hash:
            raise UserError(f"{path} is the bake of another head; bake again or remove it.")
        baked = baked_position(bake, scene, frame)
        if baked is not None:
            return Moment(head, settings.head_hash, path, open_files.bake.stamp(path), baked, None)
    mix = mix_of(obj, scene)
    played = mix.at(strips.scene_time(scene, frame)) if mix else None
    if played is None:
        return Moment(head, settings.head_hash, "", None, Fraction(0), None)
    path = open_files.absolute(settings.performance)
    if open_files.performance(path).head_hash != settings.head_hash:
        raise UserError(f"{Path(path).name} is the performance of another head; press Attach to make a new one.")
    stamp = open_files.performance.stamp(path)
    return Moment(head, settings.head_hash, path, stamp, played.seconds, gate(controls, played))


def gate(controls: Controls, played: Played) -> Controls:
    """The sliders for what is played: the mouth rests where nothing can be heard, and follows the strip that plays."""
    if played.audible == 1.0 and played.delay == 0.0:
        return controls
    intensity, delay = controls.intensity * played.audible, controls.delay + played.delay
    return Controls(**{**vars(controls), "intensity": intensity, "delay": delay})


def mix_of(obj: bpy.types.Object, scene: bpy.types.Scene) -> SoundMix | None:
    """All that the sequencer plays of the head's sound; None for a head without a sound, or one whose strip now plays
    another. The strip's name may be gone (renamed, cut): the sound is what counts. Raises UserError."""
    settings = settings_of(obj)
    sequencer = settings.strip_scene or scene
    strip = strip_of(obj, sequencer)
    if strip is None or not settings.performance or not is_attached(obj, strip):
        return None
    return SoundMix(sequencer, open_files.absolute(settings.sound), settings.strip, settings.sound_lag)


def strip_of(obj: bpy.types.Object, sequencer: bpy.types.Scene) -> bpy.types.SoundStrip | None:
    """The strip that the head names; where it was renamed or deleted, another one of the sound that it speaks."""
    settings = settings_of(obj)
    named = strips.find_strip(sequencer, settings.strip)
    if named is not None or not settings.strip:
        return named
    path = open_files.absolute(settings.sound)
    return next((strip for strip in strips.sound_strips(sequencer) if same_file(strip.sound, path)), None)


def is_attached(obj: bpy.types.Object, strip: bpy.types.SoundStrip) -> bool:
    """Whether the head's performance was made from the very sound that the strip plays."""
    return open_files.absolute(settings_of(obj).sound) == open_files.absolute(strips.sound_path(strip))


def baked_position(bake: open_files.OpenBake, scene: bpy.types.Scene, frame: Fraction) -> Fraction | None:
    """Which of the bake's frames a scene frame is, between two for sub-frames; None where it is not baked.

    By time, so that a bake of another rate plays at the right speed.
    """
    position = strips.scene_time(scene, frame) * bake.card.fps
    return position if {math.floor(position), math.ceil(position)} <= bake.frames else None


def frame_of(moment: Moment) -> Frame:
    """The Gaussians of a moment; the last ones are kept. Raises UserError."""
    frame = _frames.pop(moment, None)
    if frame is None:
        frame = _evaluate(moment)
    _frames[moment] = frame
    while len(_frames) * sum(array.nbytes for array in frame) > MAX_CACHED_BYTES and len(_frames) > 1:
        _frames.popitem(last=False)
    return frame


def shown_frame(obj: bpy.types.Object) -> Frame | None:
    """What was last written into the head's cloud; None before anything was."""
    moment = _shown.get(cloud_of(obj).session_uid)
    return frame_of(moment) if moment else None


def _evaluate(moment: Moment) -> Frame:
    head = open_files.head(moment.head)
    if not moment.source:
        return head.replay.frame()
    if moment.controls is None:
        return interpolate(open_files.bake(moment.source), moment.time)
    condition = open_files.performance(moment.source).at(moment.time, moment.controls)
    return head.replay.at(condition)


def interpolate(bake: open_files.OpenBake, position: Fraction) -> Frame:
    """A bake at a frame, or linearly between two for motion blur; quaternions are made unit again."""
    before = bake.frame(math.floor(position))
    weight = np.float32(position - math.floor(position))
    if weight == 0:
        return before
    after = bake.frame(math.ceil(position))
    means, quats, scales = (a + weight * (b - a) for a, b in zip(before, after))
    return Frame(means, quats / np.linalg.norm(quats, axis=1, keepdims=True), scales)


def forget() -> None:
    """The clouds may hold anything now (undo, a new file): the next `refresh` writes all of them."""
    _shown.clear()
    _problems.clear()


def forget_frames() -> None:
    """The files may hold anything now (Reload): what is shown is evaluated again."""
    forget()
    _frames.clear()
    open_files.clear()


def make_single_users(scene: bpy.types.Scene) -> None:
    """A duplicated head may share its cloud with the first one; each moves its own."""
    met = set()
    for obj in heads_of(scene):
        if cloud_of(obj).session_uid in met:
            obj.data = cloud_of(obj).copy()
        met.add(cloud_of(obj).session_uid)


class suspended:
    """While inside, frame changes do not move the heads (sampling walks through the shot)."""

    def __enter__(self) -> None:
        global _suspended
        _suspended += 1

    def __exit__(self, *_: object) -> None:
        global _suspended
        _suspended -= 1


@persistent
def on_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """After the frame's curves were evaluated; Blender evaluates once more what we change."""
    refresh(scene, depsgraph)


@persistent
def on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """A strip was moved, a driver evaluated, a head duplicated: the same `refresh`, which writes only what differs."""
    make_single_users(scene)
    refresh(scene, depsgraph)


@persistent
def on_undo(scene: bpy.types.Scene, _depsgraph: object) -> None:
    """Undo brought back the arrays of another moment."""
    forget()
    refresh(current_context().scene)


HANDLERS = (
    ("frame_change_post", on_frame),
    ("depsgraph_update_post", on_update),
    ("undo_post", on_undo),
    ("redo_post", on_undo),
)


def register() -> None:
    """Called by the add-on's own `register`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).append(handler)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).remove(handler)
    forget_frames()
