# SPDX-License-Identifier: GPL-3.0-or-later
"""What every head's cloud shows at this moment: the baked frame where there is one, else the replay.

`refresh` compares what each head should show (its file, its time, its sliders) with what was last written into its
cloud and writes only what differs, so the handlers may call it as often as they like. It never raises for bad input: a
head shows the best that its files allow, what is in the way is kept, and `problems_of` gives it to the panel.
"""

import math
import os
from fractions import Fraction
from typing import NamedTuple

import bpy

from ..core.formats import Gaussians, UserError
from ..core.performance import Controls, Frame
from . import head_paths, moments, open_files
from .blender_types import cloud_of
from .head_cloud import has_own_cloud, needs_loading, replace_cloud
from .head_objects import heads_of, is_head, settings_of
from .keyframes.curve_pose import CurvePose, curve_pose_of, moves_pose, no_rig_sentence
from .moments import Moment, frame_of
from .proxy.proxy_mesh import follow
from .scene import strip as strips
from .scene.point_cloud import push
from .scene.stored_cloud import is_stored
from .speech.attached_sounds import changed_sentence
from .speech.spoken_moments import TakeBlend, mix_of, resting_moment, spoken_moment
from .takes.blend import Shares, shares_now, speech_at
from .takes.compare import shown_row


class Shown(NamedTuple):
    """What a head shows, with all that it takes to draw it: the head's file may change or go."""

    moment: Moment
    frame: Frame
    canonical: Gaussians
    scene: int  # session number of the scene whose frame it is


class Problem(NamedTuple):
    """Why a head does not show what it should."""

    sentence: str
    cure: str  # which buttons the panel puts below it: a key of `head_state.CURES`, or ""


_shown: dict[int, Shown] = {}  # session number of the cloud -> what it shows
_problems: dict[int, list[Problem]] = {}  # session number of the object -> why it does not show what it should
_waiting: set[int] = set()  # session numbers of objects that lack their cloud
_suspended = 0


def problems_of(obj: bpy.types.Object) -> list[Problem]:
    """Why the head does not show what it should; [] when it does."""
    return _problems.get(obj.session_uid, [])


def problem_of(obj: bpy.types.Object) -> str:
    """The problems' sentences; "" when there are none."""
    return " ".join(problem.sentence for problem in problems_of(obj))


def refresh(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph | None = None) -> None:
    """Bring every head of the scene up to the scene's current frame.

    depsgraph: read the sliders there (a render has its own); None: read the objects themselves.
    """
    if _suspended:
        return
    for obj in heads_of(scene):
        is_render = depsgraph is not None and depsgraph.mode == "RENDER"
        problems = _show(obj, scene, obj.evaluated_get(depsgraph) if depsgraph else obj, is_render)
        if problems:
            _problems[obj.session_uid] = problems
        else:
            _problems.pop(obj.session_uid, None)


def _show(obj: bpy.types.Object, scene: bpy.types.Scene, evaluated: bpy.types.Object, is_render: bool) -> list[Problem]:
    """Show what is best of what can be shown; what stands in the way of the rest."""
    head, problems = _open_head(obj)
    cloud = cloud_of(obj)
    if head is None:
        return problems
    is_same = head.hash == settings_of(obj).head_hash
    if not is_same and cloud.session_uid in _shown:
        return problems  # what is shown stays until Reload
    if needs_loading(obj, head):
        _waiting.add(obj.session_uid)
        return problems
    controls = settings_of(evaluated).controls.values()
    now = strips.current_frame(scene)
    curves = curve_pose_of(evaluated, head.rig.channels, scene, now) if head.rig and is_same else None
    take = None if is_render else shown_row(obj)
    shares = shares_now(obj, evaluated) if take is None else ()
    asked = obj, scene, now, controls, curves
    moment, frame, more = best_moment(*asked, at_rest=not is_same, shares=shares, take=take)
    if head.rig is None and moves_pose(obj):
        problems.append(Problem(no_rig_sentence(obj, head.file.source), "rig"))
    shown = _shown.get(cloud.session_uid)
    if shown is None or shown.moment != moment:
        if has_own_cloud(obj):
            push(cloud, frame)
        follow(obj, head.rig, moment, frame)
        shown = Shown(moment, frame, head.replay.canonical, scene.session_uid)
    _shown[cloud.session_uid] = shown._replace(scene=scene.session_uid)
    if moment.source and moment.controls is not None and (sentence := changed_sentence(obj)):
        more = [*more, Problem(sentence, "performance")]  # it moves on with what it has heard
    return problems + more


def _open_head(obj: bpy.types.Object) -> tuple[open_files.OpenHead | None, list[Problem]]:
    """The head's file, or what is in memory of a file that has gone."""
    path = head_paths.path_of(obj, "head")
    name = os.path.basename(path)
    try:
        head = open_files.head(path)
    except UserError as error:
        kept = f"{name} is not here: the head plays what this .blend keeps; press Relink Head to change it."
        return open_files.head.cached(path), [Problem(kept if is_stored(cloud_of(obj)) else str(error), "head")]
    if head.hash == settings_of(obj).head_hash:
        return head, []
    sentence = f"{name} has changed since it was loaded; press Reload to take it as it is, or Relink Head."
    return head, [Problem(sentence, "changed head")]


def best_moment(
    obj: bpy.types.Object,
    scene: bpy.types.Scene,
    frame: Fraction,
    controls: Controls,
    curves: CurvePose | None = None,
    at_rest: bool = False,
    shares: Shares = (),
    take: int | None = None,
) -> tuple[Moment, Frame, list[Problem]]:
    """(what a head should show at a frame of the scene with these sliders, its Gaussians, what failed before it).

    The bake, else the performance with what curves do to it, else the head at rest with the same. at_rest: do not look
    at the other two, nor at the sliders. shares: of the takes that are blended; where one fails, the active take alone.
    take: which of them is meant; None: the active one. Raises UserError only where the head itself cannot be evaluated.
    """
    problems: list[Problem] = []
    for cure, find in () if at_rest else (("bake", _baked_moment), ("performance", _performed_moment)):
        if cure == "performance" and curves and curves.speech == 0.0 and settings_of(obj).use_rig:
            continue  # only the curves speak
        try:
            moment = find(obj, scene, frame, controls, take)
            if moment is not None:
                if moment.controls:
                    moment = _blended(obj, scene, frame, controls, moment._replace(curves=curves), shares, problems)
                return moment, frame_of(moment), problems
        except UserError as error:
            problems.append(Problem(str(error), "" if isinstance(error, _StripError) else cure))
    rest = resting_moment(obj, None if at_rest else controls, strips.scene_time(scene, frame))._replace(curves=curves)
    rest = _blended(obj, scene, frame, controls, rest, shares, problems)
    return rest, frame_of(rest), problems


def _blended(
    obj: bpy.types.Object,
    scene: bpy.types.Scene,
    frame: Fraction,
    controls: Controls,
    moment: Moment,
    shares: Shares,
    problems: list[Problem],
) -> Moment:
    """The moment with the other takes in it; where one of them fails, as it is, and why is added to the problems."""
    try:
        return TakeBlend(obj, scene).into(moment, strips.scene_time(scene, frame), controls, shares)
    except UserError as error:
        problems.append(Problem(str(error), ""))
        return moment


def moment_of(obj: bpy.types.Object, scene: bpy.types.Scene, frame: Fraction, controls: Controls) -> Moment:
    """What a head should show at a frame of the scene with these sliders. Raises UserError for its first problem."""
    moment, _, problems = best_moment(obj, scene, frame, controls)
    if problems:
        raise UserError(problems[0].sentence)
    return moment


def _baked_moment(
    obj: bpy.types.Object, scene: bpy.types.Scene, frame: Fraction, _controls: Controls, take: int | None
) -> Moment | None:
    """None where the head plays no bake, or the frame is not baked."""
    settings, speech = settings_of(obj), speech_at(obj, take)
    if not (speech.bake and settings.use_bake):
        return None
    path = head_paths.path_of(obj, "bake", speech)
    bake = open_files.bake(path)
    if bake.card.head_hash != settings.head_hash:
        raise UserError(f"{path} is the bake of another head; bake again or remove it.")
    baked = baked_position(bake, scene, frame)
    if baked is None:
        return None
    head = head_paths.path_of(obj, "head")
    return Moment(head, settings.head_hash, path, open_files.bake.stamp(path), baked, None)


class _StripError(UserError):
    """A strip that cannot be followed: no other file helps."""


def _performed_moment(
    obj: bpy.types.Object, scene: bpy.types.Scene, frame: Fraction, controls: Controls, take: int | None
) -> Moment | None:
    """None where the head speaks nothing."""
    try:
        mix = mix_of(obj, scene, take)
    except UserError as error:
        raise _StripError(str(error)) from error
    played = mix.at(strips.scene_time(scene, frame)) if mix else None
    return spoken_moment(obj, played, controls, take) if played else None


def baked_position(bake: open_files.OpenBake, scene: bpy.types.Scene, frame: Fraction) -> Fraction | None:
    """Which of the bake's frames a scene frame is, between two for sub-frames; None where it is not baked.

    By time, so that a bake of another rate plays at the right speed.
    """
    position = strips.scene_time(scene, frame) * bake.card.fps
    return position if {math.floor(position), math.ceil(position)} <= bake.frames else None


def shown_of(obj: bpy.types.Object) -> Shown | None:
    """What the head shows now; None before it showed anything."""
    return _shown.get(cloud_of(obj).session_uid)


def is_waiting() -> bool:
    """Whether a head lacks its cloud, which `load_clouds` makes."""
    return bool(_waiting)


def load_clouds() -> None:
    """Give every head its cloud where it is not there: a file was opened, a head was linked, appended or overridden,
    a head's file came back; then show all heads. Makes objects, which a handler of a frame must not."""
    _waiting.clear()
    for obj in bpy.data.objects:
        if not is_head(obj):
            continue
        head, problems = _open_head(obj)
        is_kept = problems and cloud_of(obj).session_uid in _shown
        if head is not None and not is_kept and needs_loading(obj, head):
            replace_cloud(obj, head)
    for scene in bpy.data.scenes:
        refresh(scene)


def forget() -> None:
    """The clouds may hold anything now (undo, a new file): the next `refresh` writes all of them."""
    _shown.clear()
    _problems.clear()


def forget_frames() -> None:
    """The files may hold anything now (Reload): what is shown is evaluated again."""
    forget()
    moments.clear()
    open_files.clear()


class suspended:
    """While inside, frame changes do not move the heads (sampling walks through the shot)."""

    def __enter__(self) -> None:
        global _suspended
        _suspended += 1

    def __exit__(self, *_: object) -> None:
        global _suspended
        _suspended -= 1
