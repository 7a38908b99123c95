# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot's poses as keys: what the head speaks at every frame, and the few keys that say the same.

`shot_moments` reads the scene, at once; `fit_shot` needs it no more and may take its time.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import bpy
import numpy as np

from ...core.formats import UserError
from ...core.jobs import Event, Progress, Started
from ...core.performance import Keys, PoseMetric, RigReplay, fit_pose_keys, joined_keys, smoothed
from .. import head_paths, moments
from ..head_objects import settings_of
from ..keyframes.curve_pose import corrections_within
from ..moments import Moment
from ..scene import strip as strips
from ..scene.keyframes import BEZIER, LINEAR, CurveKeys
from ..speech.spoken_moments import TakeBlend, mix_of_shot, moment_in
from .sampling import sample_controls, sample_curve_poses, sample_shares


@dataclass(frozen=True)
class KeyOptions:
    """How the keys of a shot are made."""

    tolerance: float  # mm, of `PoseMetric.rms`; 0: a key at every frame
    stretch: float = 1.0  # from a frame to where Blender's time stretching puts its keys
    smoothing: float = 0.0  # frames, the width of the window
    offset: float = 0.0  # frames that the keys are later than what is spoken


@dataclass(frozen=True)
class ShotKeys:
    """The keys of a shot, and what became of it."""

    curves: tuple[CurveKeys, ...]  # one a channel
    frames: range
    error: float  # mm, of `PoseMetric.rms`: the most that the keys are away from what is spoken, after the smoothing

    @property
    def count(self) -> int:
        """All keys of all channels."""
        return sum(len(curve.frames) for curve in self.curves)


def shot_moments(scene: bpy.types.Scene, obj: bpy.types.Object, frames: range) -> list[Moment]:
    """What the head speaks at these frames, with the corrections at them; of one that mixes speech and curves, what it
    shows. Raises UserError."""
    head = head_paths.path_of(obj, "head")
    mix, blend, spoken = mix_of_shot(obj, scene), TakeBlend(obj, scene), []
    sampled = sample_controls(scene, obj, frames), sample_shares(scene, obj, frames)
    for frame, controls, shares in zip(frames, *sampled):
        time = strips.scene_time(scene, Fraction(frame))
        spoken.append(blend.into(moment_in(obj, mix, time, controls), time, controls, shares))
    corrections = corrections_within(obj, frames)
    is_mixture = settings_of(obj).follow in ("MIX", "ADD")
    if not (is_mixture or corrections):
        return spoken
    curves = sample_curve_poses(scene, obj, frames, rig_of_head(head).channels, corrections, is_mixture)
    return [moment._replace(curves=pose) for moment, pose in zip(spoken, curves)]


def rig_of_head(path: str) -> RigReplay:
    """The rig of the head at the absolute path. Raises UserError where it has none."""
    rig = moments.loaded_head(path).rig
    if rig is None:
        raise UserError(f"{path} has no rig; press Make Rig.")
    return rig


def fit_shot(
    shot: Sequence[Moment], frames: range, rig: RigReplay, options: KeyOptions
) -> Generator[Event, None, ShotKeys]:
    """The keys of the moments at these frames. Raises UserError."""
    poses = yield from _poses(shot, rig)
    poses = smoothed(poses.astype(np.float64), options.smoothing / frames.step)
    metric, blocks = PoseMetric(rig.rig), []
    yield Started(f"Fitting keys to {len(frames)} frames", len(frames))
    for block in fit_pose_keys(poses, options.tolerance, metric):
        blocks.append(block)
        yield Progress(int(block[0].frames[-1]) + 1, len(frames), -1.0)
    keys = [joined_keys(channel) for channel in zip(*blocks)]
    error = metric.rms(np.stack([curve.at_frames() for curve in keys], axis=1) - poses).max()
    return ShotKeys(tuple(_curves(keys, frames, options)), frames, float(error))


def _poses(shot: Sequence[Moment], rig: RigReplay) -> Generator[Event, None, np.ndarray]:
    poses = np.empty((len(shot), len(rig.channels)), np.float32)
    yield Started(f"Posing {len(shot)} frames", len(shot))
    for i, moment in enumerate(shot):
        poses[i] = moments.shown_pose(moment)
        yield Progress(i + 1, len(shot), -1.0)
    return poses


def _curves(keys: Sequence[Keys], frames: range, options: KeyOptions) -> Iterator[CurveKeys]:
    """From numbers of frames to frames."""
    for curve in keys:
        at = (frames.start + frames.step * curve.frames + options.offset) * options.stretch
        slopes = curve.slopes / (frames.step * options.stretch)
        yield CurveKeys(at, curve.values, slopes, BEZIER if options.tolerance > 0 else LINEAR)
