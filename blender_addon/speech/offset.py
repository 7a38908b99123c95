# SPDX-License-Identifier: GPL-3.0-or-later
"""How late a head's mouth is after its sound, and what would move it: the keys of its channels, or the slider Delay.

What plays is held against what the head would speak live without any offset. A bake, curves, sliders and strips may all
have been made for another edit of the sound; the live speech is of the sound that plays now.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import bpy
import numpy as np

from ...core.formats import UserError
from ...core.performance import Controls
from ...core.sync import OffsetSuggestion, suggest_offset
from .. import head_paths, open_files, playback
from ..head_objects import settings_of
from ..keyframes.curve_pose import CurvePose
from ..keyframes.head_keyframes import has_keyframes
from ..properties import TalkSplatHead
from ..scene import strip as strips
from ..scene.keyframes import writable_bag
from ..scene.pose_channels import path_of_label
from ..scene.rig_nodes import labels_of
from ..shot.keys import rig_of_head
from ..shot.sampling import control_curves, curves_alone, sample_controls, sample_curve_poses
from ..speech_graph.lips import CHANNEL, lips_in, moment_at
from .spoken_moments import mix_of, spoken_moment

LONGEST = 3000  # frames around the playhead that are looked at: two minutes
BAKE, CURVES, SPEECH = "bake", "curves", "speech"  # what plays


class Found(NamedTuple):
    """A suggestion, and what it is about."""

    suggestion: OffsetSuggestion
    plays: str  # BAKE, CURVES or SPEECH

    @property
    def sentence(self) -> str:
        """As the panel says it: "+3 frames (confidence 0.82)"."""
        frames = self.suggestion.frames
        if frames is None:
            return f"Cannot be told: {self.suggestion.reason}"
        confidence = f"(confidence {self.suggestion.confidence:.2f})"
        if frames == 0:
            return f"In sync {confidence}"
        return f"{frames:+d} frame{'s' if abs(frames) != 1 else ''} {confidence}"

    @property
    def meaning(self) -> str:
        """What is late or early."""
        frames = self.suggestion.frames or 0
        verb = "come" if self.plays == CURVES else "comes"
        return f"The {self.plays} {verb} {'later' if frames > 0 else 'earlier'} than the sound" if frames else ""


def plays_of(settings: TalkSplatHead) -> str:
    """What moves the head's mouth."""
    if settings.bake and settings.use_bake:
        return BAKE
    return CURVES if settings.follow in ("CURVES", "MIX") else SPEECH


def find_offset(obj: bpy.types.Object, scene: bpy.types.Scene) -> Found:
    """By how much the mouth is late in the shot, as far as LONGEST reaches. Raises UserError."""
    rig = rig_of_head(head_paths.path_of(obj, "head"))
    if CHANNEL not in [channel.name for channel in rig.channels]:
        raise UserError(f"{obj.name} has a rig that does not know its lips; press Make Rig to make it again.")
    mix, plays = mix_of(obj, scene), plays_of(settings_of(obj))
    if mix is None or not mix.pieces:
        raise UserError(f"{obj.name} has no sound strip that it can follow; choose one and press Attach.")
    frames = _looked_at(obj, scene, plays)
    controls, curves = sample_controls(scene, obj, frames), _curves(obj, scene, frames, plays)
    shown, expected = [], []
    for frame, sliders, pose in zip(frames, controls, curves):
        moment = moment_at(obj, scene, mix, frame, sliders, pose)
        played = mix.at(strips.scene_time(scene, frame))
        assert moment is not None  # there are pieces
        assert played is not None
        shown.append(lips_in(moment))
        expected.append(lips_in(spoken_moment(obj, played, Controls())))
    return Found(suggest_offset(np.array(shown), np.array(expected), strips.frame_rate(scene)), plays)


def _looked_at(obj: bpy.types.Object, scene: bpy.types.Scene, plays: str) -> range:
    frames = range(scene.frame_start, scene.frame_end + 1)
    if plays == BAKE:
        bake = open_files.bake(head_paths.path_of(obj, "bake"))
        frames = _longest_run([f for f in frames if playback.baked_position(bake, scene, Fraction(f)) is not None])
    if len(frames) <= LONGEST:
        return frames
    start = min(max(scene.frame_current - LONGEST // 2, frames.start), frames.stop - LONGEST)
    return range(start, start + LONGEST)


def _longest_run(frames: Sequence[int]) -> range:
    """Of rising frames the longest stretch without a gap."""
    cuts = [0, *(i for i in range(1, len(frames)) if frames[i] != frames[i - 1] + 1), len(frames)]
    runs = [range(frames[a], frames[a] + b - a) for a, b in pairwise(cuts) if b > a]
    return max(runs, key=len, default=range(0))


def _curves(obj: bpy.types.Object, scene: bpy.types.Scene, frames: range, plays: str) -> list[CurvePose | None]:
    """The curves alone where they move the mouth, whatever they are mixed with."""
    if plays != CURVES:
        return [None] * len(frames)
    channels = rig_of_head(head_paths.path_of(obj, "head")).channels
    poses = sample_curve_poses(scene, obj, frames, channels)
    return [CurvePose(0.0, _whole(pose)) if pose else pose for pose in poses]


def _whole(pose: CurvePose) -> tuple[float, ...]:
    """The curves' own pose, of a share of it."""
    share = 1.0 - pose.speech
    return tuple(value / share for value in pose.pose) if share > 1e-3 else pose.pose


def apply_reason(obj: bpy.types.Object, plays: str) -> str:
    """Why the offset cannot be taken away by a button; "" when it can."""
    if plays == BAKE:
        return "The bake keeps its offset: bake again, or remove the bake"
    if plays == CURVES:
        if not has_keyframes(obj) or curves_alone(obj, lambda path: path.startswith('["')) is None:
            return "Drivers or the NLA move the head: move the NLA strips themselves"
        return ""
    curves = control_curves(obj)
    return "The slider Delay is keyed or driven: change its keys" if curves is None or "delay" in curves else ""


def shift_mouth(obj: bpy.types.Object, scene: bpy.types.Scene, plays: str, frames: int) -> None:
    """Move what plays by so many frames; above 0 it comes later. Raises UserError where that cannot be done."""
    if reason := apply_reason(obj, plays):
        raise UserError(f"{reason}.")
    if plays == CURVES:
        _shift_keys(obj, frames * scene.render.frame_map_old / scene.render.frame_map_new)
    else:
        settings_of(obj).controls.delay += frames / float(strips.frame_rate(scene))


def _shift_keys(obj: bpy.types.Object, frames: float) -> None:
    """Every key of the head's channels, with its handles."""
    bag = writable_bag(obj, f"{obj.name} Speech")
    for path in map(path_of_label, labels_of(obj)):
        curve = bag.fcurves.find(path)
        for name in ("co", "handle_left", "handle_right") if curve else ():
            points = np.empty(2 * len(curve.keyframe_points), np.float32)
            curve.keyframe_points.foreach_get(name, points)
            points[::2] += frames
            curve.keyframe_points.foreach_set(name, points)
        if curve:
            curve.update()
