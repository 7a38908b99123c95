# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says of a head's bake: what has changed since it was made, and what Bake would do now.

Finding out samples every frame of the shot and looks at files, so it is done between redraws, a little at a time;
`state_of` gives the last answer, which costs a redraw the same for a hundred frames and for an hour.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace

import bpy

from ...core.formats import UserError
from ...core.jobs import Bake
from ...core.performance import Controls, PoseChange
from .. import head_paths, open_files, running
from ..blender_types import current_context
from ..head_objects import settings_of
from ..speech.attached_sounds import audio_hash
from ..speech.words_file import words_hash
from ..takes.blend import is_blending
from .bake_plan import has_other_rig, plan_bake
from .comparison import differences
from .frame_choice import shot_of_scene
from .jobs import heard_sounds, shot_to_bake, with_sounds
from .sampling import are_channels_driven, control_curves, sample_controls

BLOCK = 200  # frames sampled at once
POSE_BLOCK = 20  # of a head whose live pose is asked for
BUDGET = 0.01  # seconds that may pass at each call of the timer
TICK = 0.05  # seconds between two calls while there is work
REST = 4.0  # times as long as finding out took before it is done again


@dataclass(frozen=True)
class BakeState:
    """As far as it is known."""

    changes: tuple[str, ...] = ()  # what differs from the bake that plays
    plan: str = ""  # what Bake would do
    is_driven: bool = False  # drivers or the NLA move the sliders: only a walk through the shot could compare them


_states: dict[int, BakeState] = {}  # session number of the head -> the last answer
_asked: dict[int, int] = {}  # session numbers of heads and scenes about which the panel has asked since
_work: tuple[int, Generator[None, None, BakeState]] | None = None
_began = _resume_at = 0.0  # seconds, of this and of the next finding out


def state_of(scene: bpy.types.Scene, obj: bpy.types.Object) -> BakeState:
    """The last answer, and please look again, unless the window is busy playing or showing a job's progress."""
    windows = current_context().window_manager.windows
    if running.now or any(window.screen and window.screen.is_animation_playing for window in windows):
        return _states.get(obj.session_uid, BakeState())
    _asked[obj.session_uid] = scene.session_uid
    if not bpy.app.background and not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=TICK)
    return _states.get(obj.session_uid, BakeState())


def find_out(scene_uid: int, head_uid: int) -> Generator[None, None, BakeState]:
    """The answer, in many small steps. Between two of them anything may have been deleted: nothing is held on to."""
    jobs, frames, is_driven = [], None, False
    while frames is None or len(frames):
        scene, obj = _by_number(bpy.data.scenes, scene_uid), _by_number(bpy.data.objects, head_uid)
        if scene is None or obj is None:
            return BakeState()
        frames = shot_of_scene(scene) if frames is None else frames
        is_driven = control_curves(obj) is None or are_channels_driven(obj)
        asks_for_pose = settings_of(obj).follow not in ("SPEECH", "ADD") or is_blending(obj)
        block = POSE_BLOCK if asks_for_pose else BLOCK
        try:
            sample = _resting if is_driven else sample_controls
            jobs.append(shot_to_bake(scene, obj, frames[:block], sample, with_curves=not is_driven))
        except UserError:
            return BakeState()  # the button says it
        frames = frames[block:]
        yield
    return _answer(head_uid, _joined(jobs), is_driven)


def _answer(head_uid: int, job: Bake, is_driven: bool) -> BakeState:
    obj = _by_number(bpy.data.objects, head_uid)
    if obj is None:
        return BakeState()
    bake = _played_bake(obj)
    changes = []
    if bake:
        keyed = bake.reader.keyed_controls, bake.reader.pose_change
        changes = differences(job, bake.card, *keyed, sliders=not is_driven)
    try:
        if bake and not changes and not is_driven and has_other_rig(job, bake.card, obj):
            changes.append("the rig")
        if bake and audio_hash(job, obj) != bake.card.audio_hash:
            changes.append("the sound")
        if bake and words_hash(job, obj) != bake.card.words_hash:
            changes.append("the words")
        plan = "" if is_driven else plan_bake(job, obj).sentence
    except UserError:  # a performance is missing: the head's own box says so
        plan = ""
    return BakeState(tuple(changes), plan, is_driven)


def _played_bake(obj: bpy.types.Object) -> open_files.OpenBake | None:
    """The bake, opened where nothing has done so yet because Play from Bake is off; None where it cannot be read."""
    path = head_paths.path_of(obj, "bake")
    try:
        return open_files.bake(path) if path else None
    except UserError:
        return open_files.bake.cached(path)


def _joined(jobs: list[Bake]) -> Bake:
    """One shot of the shots that follow each other."""
    count = sum(job.frame_count for job in jobs)
    moments = [moment for job in jobs for moment in job.controls_per_frame or (job.controls,) * job.frame_count]
    is_still = all(moment == moments[0] for moment in moments)
    job = replace(
        jobs[0],
        frame_count=count,
        controls_per_frame=() if is_still else tuple(moments),
        pose_change=PoseChange.joined([(part.pose_change, part.frame_count) for part in jobs]),
    )
    return with_sounds(job, [sound for part in jobs for sound in heard_sounds(part)])


def _resting(_scene: bpy.types.Scene, obj: bpy.types.Object, frames: range) -> list[Controls]:
    return [settings_of(obj).controls.values()] * len(frames)


def _by_number(collection: bpy.types.bpy_prop_collection, number: int):
    return next((item for item in collection if item.session_uid == number), None)


def step(budget: float = BUDGET) -> bool:
    """Go on finding out, one small step at least, for about `budget` seconds; whether something is left to do."""
    until = time.perf_counter() + budget
    while _step_once() and time.perf_counter() < until:
        pass
    return bool(_work or _asked)


def _step_once() -> bool:
    """Whether there was something to do."""
    global _work, _began, _resume_at
    if _work is None:
        if not _asked or time.perf_counter() < _resume_at:
            return False
        head, scene = _asked.popitem()
        _work, _began = (head, find_out(scene, head)), time.perf_counter()
    head, steps = _work
    try:
        next(steps)
    except StopIteration as end:
        _work, _resume_at = None, time.perf_counter() + REST * (time.perf_counter() - _began)
        if _states.get(head) != end.value:
            _states[head] = end.value
            running.redraw()
    return True


def _on_timer() -> float | None:
    return TICK if step() else None


def forget() -> None:
    """Nothing is known any more."""
    global _work, _resume_at
    _work, _resume_at = None, 0.0
    _states.clear()
    _asked.clear()


def register() -> None:
    """Called by the add-on's own `register`."""


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
    forget()
