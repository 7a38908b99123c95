# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head follows: the sound that it speaks, the curves of its pose, or both; how the two are put together, and the
corrections on top."""

import os
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import NamedTuple

import bpy
import numpy as np

from ...core.formats import RigChannel
from ...core.performance import Correction, FallOff, corrected
from ..corrections.properties import TalkSplatCorrection
from ..head_objects import settings_of
from ..scene import strip as strips
from ..scene.pose_channels import pose_of

# The setting's value -> the shares of speech and of the curves, given the curves' weight
SHARES: dict[str, Callable[[float], tuple[float, float]]] = {
    "SPEECH": lambda weight: (1.0, 0.0),
    "CURVES": lambda weight: (0.0, 1.0),
    "MIX": lambda weight: (1.0 - weight, weight),
    "ADD": lambda weight: (1.0, weight),
}


class CurvePose(NamedTuple):
    """What the curves and corrections do to a head at one moment."""

    speech: float  # 0..1, how much of the live speech stays
    pose: tuple[float, ...]  # [K] mm, added to it

    def mixed(self, live: np.ndarray) -> np.ndarray:
        """The pose to show, [K] mm; live: the speech's own."""
        return np.float32(self.speech) * live + np.array(self.pose, np.float32)


def moves_pose(obj: bpy.types.Object) -> bool:
    """Whether a head is moved by more than its speech and its sliders: by curves, by corrections."""
    settings = settings_of(obj)
    return settings.follow != "SPEECH" or any(not item.mute for item in settings.corrections)


def corrections_within(obj: bpy.types.Object, frames: range) -> list[TalkSplatCorrection]:
    """The corrections that Bake to Keyframes of these frames puts into the keys: the others stay on top of them."""
    return [item for item in settings_of(obj).corrections if not item.mute and frames[0] <= item.frame <= frames[-1]]


def no_rig_sentence(obj: bpy.types.Object, path: str) -> str:
    """What is wrong with a head of which `moves_pose` is true and whose file at `path` has no rig."""
    what = "corrections of" if settings_of(obj).follow == "SPEECH" else "curves of"
    return f"{os.path.basename(path)} has no rig for the {what} {obj.name}; press Make Rig."


def curve_pose_of(
    obj: bpy.types.Object, channels: tuple[RigChannel, ...], scene: bpy.types.Scene, frame: Fraction
) -> CurvePose | None:
    """What the curves as they are now, and the corrections at a frame of the scene, do to a head; None where it follows
    live speech alone. obj: may be the evaluated one."""
    settings = settings_of(obj)
    corrections = settings_of(
        obj.original or obj
    ).corrections  # no curve moves them: the evaluated ones may be of before
    mixed = mixed_pose(settings.follow, settings.curve_weight, pose_of(obj, channels))
    return with_corrections(mixed, corrections, channels, scene, frame)


def mixed_pose(follow: str, weight: float, pose: tuple[float, ...]) -> CurvePose:
    """As `curve_pose_of`, of the curves' own pose, without corrections."""
    speech, share = SHARES[follow](weight)
    return CurvePose(speech, tuple(share * value for value in pose))


def with_corrections(
    curves: CurvePose,
    corrections: Iterable[TalkSplatCorrection],
    channels: tuple[RigChannel, ...],
    scene: bpy.types.Scene,
    frame: Fraction,
) -> CurvePose | None:
    """The same with these corrections on top; None where live speech is all that is left. One that is in the keyframes
    goes with the speech: where the curves take its place they bring the correction too."""
    rate = strips.frame_rate(scene)
    added = corrected(
        (
            Correction(
                float((frame - item.frame) / rate),
                {change.name: change.value for change in item.changes},
                FallOff(item.blend_in, item.hold, item.blend_out),
                item.strength * (curves.speech if item.is_keyed else 1.0),
            )
            for item in corrections
            if not item.mute
        ),
        channels,
    )
    pose = tuple((np.array(curves.pose, np.float32) + added).tolist()) if added.any() else curves.pose
    return CurvePose(curves.speech, pose) if curves.speech != 1.0 or any(pose) else None
