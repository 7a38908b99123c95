# SPDX-License-Identifier: GPL-3.0-or-later
"""What every head's cloud shows at this moment: the baked frame where there is one, else the replay.

`refresh` compares what each head should show (its file, its time, its sliders) with what was last
written into its cloud and writes only what differs, so the handlers may call it as often as they like.
It never raises for bad input: the sentence is kept in `trouble` and the panel shows it.
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
from .properties import heads_of
from .scene import strip as strips
from .scene.point_cloud import push

MOST_BYTES = 128 << 20  # of frames kept for scrubbing over the same place again


class Moment(NamedTuple):
    """What a head should show; equal moments show the same."""

    head: str  # absolute path
    hash: str
    source: str  # the bake's or the performance's absolute path, or "" for the head at rest
    stamp: tuple | None  # of the source's file
    time: Fraction  # a bake: its frame, between two for sub-frames; a performance: seconds in the sound
    controls: Controls | None


REST = None  # the controls of a moment that has none

_shown: dict[int, Moment] = {}  # session number of the cloud -> what was written into it
_trouble: dict[int, str] = {}  # session number of the object -> why it does not move
_kept: OrderedDict[Moment, Frame] = OrderedDict()
_suspended = 0


def trouble(body: bpy.types.Object) -> str:
    """Why the head does not show what it should, in one sentence; "" when it does."""
    return _trouble.get(body.session_uid, "")


def refresh(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Bring every head of the scene up to the scene's current frame.

    depsgraph: read the sliders there (a render has its own); None: read the objects themselves.
    """
    if _suspended:
        return
    for body in heads_of(scene):
        try:
            _show(body, scene, body.evaluated_get(depsgraph) if depsgraph else body)
            _trouble.pop(body.session_uid, None)
        except UserError as refusal:
            _trouble[body.session_uid] = str(refusal)


def _show(body: bpy.types.Object, scene: bpy.types.Scene, evaluated: bpy.types.Object) -> None:
    head = open_files.head(open_files.absolute(body.talksplat.head))
    cloud = body.data
    if len(cloud.points) != len(head) or head.hash != body.talksplat.head_hash:
        raise UserError(f"{Path(head.file.source).name} has changed since it was loaded here; press Reload.")
    moment = wanted(body, scene, strips.current_frame(scene), evaluated.talksplat.controls.values())
    if _shown.get(cloud.session_uid) != moment:
        push(cloud, frame_of(moment))
        _shown[cloud.session_uid] = moment


def wanted(body: bpy.types.Object, scene: bpy.types.Scene, frame: Fraction, controls: Controls) -> Moment:
    """What `body` should show at a frame of the scene with these sliders. Raises UserError."""
    settings = body.talksplat
    head = open_files.absolute(settings.head)
    if settings.bake and settings.use_bake:
        path = open_files.absolute(settings.bake)
        bake = open_files.bake(path)
        if bake.card.head_hash != settings.head_hash:
            raise UserError(f"{path} is the bake of another head; bake again or remove it.")
        place = baked_place(bake, scene, frame)
        if place is not None:
            return Moment(head, settings.head_hash, path, open_files.bake.stamp(path), place, REST)
    listened = _listening(body, scene, frame)
    if listened is None:
        return Moment(head, settings.head_hash, "", None, Fraction(0), REST)
    seconds, audible = listened
    path = open_files.absolute(settings.performance)
    if open_files.performance(path).head_hash != settings.head_hash:
        raise UserError(f"{Path(path).name} is the performance of another head; press Attach to listen again.")
    return Moment(head, settings.head_hash, path, open_files.performance.stamp(path), seconds, gated(controls, audible))


def gated(controls: Controls, audible: float) -> Controls:
    """The sliders where a strip is trimmed: what is not heard is not mouthed."""
    if audible == 1.0:
        return controls
    return Controls(**{**vars(controls), "intensity": controls.intensity * audible})


def _listening(body: bpy.types.Object, scene: bpy.types.Scene, frame: Fraction) -> tuple[Fraction, float] | None:
    """(second in the sound, how far the strip is audible), or None for a head with nothing to listen to."""
    settings = body.talksplat
    sequencer = settings.strip_scene or scene
    strip = strips.find_strip(sequencer, settings.strip)
    if strip is None or not settings.performance or not attached(settings, strip):
        return None
    placed = strips.placement(sequencer, strip)
    time = strips.scene_time(scene, frame)
    return placed.seconds(time), 0.0 if strip.mute else placed.audible(time)


def attached(settings, strip: bpy.types.Strip) -> bool:
    """Whether the performance was made from the very sound that the strip plays."""
    return open_files.absolute(settings.sound) == open_files.absolute(strips.sound_path(strip))


def baked_place(bake: open_files.OpenBake, scene: bpy.types.Scene, frame: Fraction) -> Fraction | None:
    """Which of the bake's frames a scene frame is, between two for sub-frames; None where it is not baked.

    By time, so that a bake of another rate plays at the right speed.
    """
    place = strips.scene_time(scene, frame) * bake.card.fps
    return place if {math.floor(place), math.ceil(place)} <= bake.frames else None


def frame_of(moment: Moment) -> Frame:
    """The Gaussians of a moment; the last ones are kept. Raises UserError."""
    frame = _kept.pop(moment, None)
    if frame is None:
        frame = _evaluated(moment)
    _kept[moment] = frame
    while len(_kept) * sum(array.nbytes for array in frame) > MOST_BYTES and len(_kept) > 1:
        _kept.popitem(last=False)
    return frame


def shown_frame(body: bpy.types.Object) -> Frame | None:
    """What was last written into the head's cloud; None before anything was."""
    moment = _shown.get(body.data.session_uid)
    return frame_of(moment) if moment else None


def _evaluated(moment: Moment) -> Frame:
    head = open_files.head(moment.head)
    if not moment.source:
        return head.replay.frame()
    if moment.controls is REST:
        return between(open_files.bake(moment.source), moment.time)
    condition = open_files.performance(moment.source).at(moment.time, moment.controls)
    return head.replay.at(condition)


def between(bake: open_files.OpenBake, place: Fraction) -> Frame:
    """A bake at a frame, or linearly between two for motion blur; quaternions are made unit again."""
    before = bake.frame(math.floor(place))
    share = np.float32(place - math.floor(place))
    if share == 0:
        return before
    after = bake.frame(math.ceil(place))
    means, quats, scales = (a + share * (b - a) for a, b in zip(before, after))
    return Frame(means, quats / np.linalg.norm(quats, axis=1, keepdims=True), scales)


def forget() -> None:
    """The clouds may hold anything now (undo, a new file): write all of them at the next look."""
    _shown.clear()
    _trouble.clear()


def forget_frames() -> None:
    """The files may hold anything now (Reload): evaluate again what is shown."""
    forget()
    _kept.clear()
    open_files.clear()


def single_users(scene: bpy.types.Scene) -> None:
    """A duplicated head may share its cloud with the first one; each moves its own."""
    seen = set()
    for body in heads_of(scene):
        if body.data.session_uid in seen:
            body.data = body.data.copy()
        seen.add(body.data.session_uid)


class suspended:
    """While inside, frame changes do not move the heads (sampling walks through the shot)."""

    def __enter__(self) -> None:
        global _suspended
        _suspended += 1

    def __exit__(self, *_) -> None:
        global _suspended
        _suspended -= 1


@persistent
def on_frame(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """After the frame's curves were evaluated; Blender evaluates once more what we change."""
    refresh(scene, depsgraph)


@persistent
def on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """A strip was moved, a driver turned, a head duplicated: the same look, which writes only what differs."""
    single_users(scene)
    refresh(scene, depsgraph)


@persistent
def on_undo(scene: bpy.types.Scene, _depsgraph) -> None:
    """Undo brought back the arrays of another moment."""
    forget()
    refresh(bpy.context.scene)


HANDLERS = (
    ("frame_change_post", on_frame),
    ("depsgraph_update_post", on_update),
    ("undo_post", on_undo),
    ("redo_post", on_undo),
)


def register() -> None:
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).append(handler)


def unregister() -> None:
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).remove(handler)
    forget_frames()
