# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a head's lips are apart at each frame, whatever plays: bake, live speech or curves.

Found out between redraws, a few milliseconds at a time: what is in view first, and coarsely. A frame that shows what it
showed is not asked again.

Where drivers or the NLA move the head Blender alone knows, so that its frames are filled in as they are played.

Letters: n frames.
"""

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction

import bpy
import numpy as np

from ...core.formats import UserError
from ...core.performance import Controls
from .. import head_paths, moments, open_files, playback
from ..head_objects import settings_of
from ..keyframes.curve_pose import CurvePose
from ..moments import Moment
from ..scene import strip as strips
from ..scene.sound_mix import SoundMix
from ..shot.frame_choice import shot_of_scene
from ..shot.sampling import are_channels_driven, control_curves, sample_controls, sample_curve_poses, sample_shares
from ..speech.spoken_moments import TakeBlend, mix_of, moment_in, resting_moment

CHANNEL = "lips_apart"  # of the rig
STRIDES = (64, 16, 4, 1)  # frames
AT_ONCE = 2  # frames between two looks at the clock
MOST = 2_000_000  # frames of a scene's range: a day at 24 a second


class LipsTrack:
    """A head's lips over a scene's range."""

    def __init__(self, frames: range) -> None:
        self.frames = frames
        self.values = np.full(len(frames), np.nan, np.float32)  # [n] mm from closed; nan: not known yet
        self._checked = np.full(len(frames), -1, np.int64)  # [n] the state of the scene at which it was looked at
        self._moments: dict[int, Moment | None] = {}  # what the values were found from

    def put(self, frame: int, moment: Moment | None, state: int) -> None:
        """What a frame shows. Raises UserError."""
        i = frame - self.frames.start
        if frame not in self.frames:
            return
        if frame not in self._moments or self._moments[frame] != moment:
            self._moments[frame] = moment
            self.values[i] = 0.0 if moment is None else lips_in(moment)
        self._checked[i] = state

    def leave(self, frame: int, state: int) -> None:
        """What the frame shows cannot be found out."""
        i = frame - self.frames.start
        self._moments.pop(frame, None)
        self.values[i], self._checked[i] = np.nan, state

    def missing(self, view: range, state: int) -> Iterator[Sequence[int]]:
        """The frames in view that were not looked at in this state, some at a time, coarsely first."""
        first, last = max(view.start, self.frames.start), min(view.stop, self.frames.stop)
        for stride in STRIDES:
            frames = np.arange(-(-first // stride) * stride, last, stride)
            left = frames[self._checked[frames - self.frames.start] != state]
            yield from (left[a : a + AT_ONCE].tolist() for a in range(0, len(left), AT_ONCE))


def fill(
    track: LipsTrack, obj: bpy.types.Object, scene: bpy.types.Scene, view: range, state: int, budget: float
) -> bool:
    """Look at missing frames for `budget` seconds; whether all in view are known."""
    if is_driven(obj):
        return True
    until = time.perf_counter() + budget
    mix, blend = _mix(obj, scene), TakeBlend(obj, scene)
    for frames in track.missing(view, state):
        _look_at(track, obj, scene, mix, blend, frames, state)
        if time.perf_counter() > until:
            return False
    return True


def is_driven(obj: bpy.types.Object) -> bool:
    """Whether only playing tells what the head does."""
    return control_curves(obj) is None or are_channels_driven(obj)


def _look_at(
    track: LipsTrack,
    obj: bpy.types.Object,
    scene: bpy.types.Scene,
    mix: SoundMix | None,
    blend: TakeBlend,
    frames: Sequence[int],
    state: int,
) -> None:
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    if head is None or head.rig is None:
        return
    poses = sample_curve_poses(scene, obj, frames, head.rig.channels)
    sampled = sample_controls(scene, obj, frames), poses, sample_shares(scene, obj, frames)
    for frame, controls, curves, shares in zip(frames, *sampled):
        try:
            moment = moment_at(obj, scene, mix, frame, controls, curves)
            if shares and (moment is None or moment.controls or not moment.source):
                time_of_frame = strips.scene_time(scene, Fraction(frame))
                moment = moment or resting_moment(obj, controls, time_of_frame)
                moment = blend.into(moment, time_of_frame, controls, shares)
            track.put(frame, moment, state)
        except UserError:  # the panel of the head says it
            track.leave(frame, state)


def moment_at(
    obj: bpy.types.Object,
    scene: bpy.types.Scene,
    mix: SoundMix | None,
    frame: int,
    controls: Controls,
    curves: CurvePose | None,
) -> Moment | None:
    """What the head's own take shows at a frame, as `playback.best_moment` finds it; None: the head at rest. Raises
    UserError."""
    settings = settings_of(obj)
    if settings.bake and settings.use_bake:
        path = head_paths.path_of(obj, "bake")
        position = playback.baked_position(open_files.bake(path), scene, Fraction(frame))
        if position is not None:
            head = head_paths.path_of(obj, "head")
            return Moment(head, settings.head_hash, path, open_files.bake.stamp(path), position, None)
    moment = moment_in(obj, mix, strips.scene_time(scene, frame), controls)
    is_still = not moment.source and moment.controls is None and curves is None
    return None if is_still else moment._replace(curves=curves)


def _mix(obj: bpy.types.Object, scene: bpy.types.Scene) -> SoundMix | None:
    try:
        return mix_of(obj, scene)
    except UserError:
        return None


def lips_in(moment: Moment) -> float:
    """mm from closed; nan for a head whose rig has no such channel. Raises UserError."""
    head = moments.loaded_head(moment.head)
    number = lips_channel(head)
    if head.rig is None or number is None:
        return float("nan")
    if moment.source and moment.controls is None:
        pose = head.rig.pose_in(moments.interpolate(open_files.bake(moment.source), moment.time))
    else:
        pose = moments.shown_pose(moment)
    return float(pose[number])


def lips_channel(head: open_files.OpenHead) -> int | None:
    """The number of the channel, None for a head without."""
    names = [channel.name for channel in head.rig.channels] if head.rig else []
    return names.index(CHANNEL) if CHANNEL in names else None


def new_track(scene: bpy.types.Scene, old: LipsTrack | None) -> LipsTrack:
    """`old` where it is of the scene's range still, else a new one."""
    frames = shot_of_scene(scene)[:MOST]
    return old if old is not None and old.frames == frames else LipsTrack(frames)
