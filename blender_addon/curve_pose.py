# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head follows: the sound that it speaks, the curves of its pose, or both; and how the two are put together."""

from collections.abc import Callable
from typing import NamedTuple

import bpy
import numpy as np

from ..core.formats import RigChannel
from .head_objects import settings_of
from .scene.pose_channels import pose_of

# The setting's value -> the shares of speech and of the curves, given the curves' weight
SHARES: dict[str, Callable[[float], tuple[float, float]]] = {
    "SPEECH": lambda weight: (1.0, 0.0),
    "CURVES": lambda weight: (0.0, 1.0),
    "MIX": lambda weight: (1.0 - weight, weight),
    "ADD": lambda weight: (1.0, weight),
}


class CurvePose(NamedTuple):
    """What the curves do to a head at one moment."""

    speech: float  # 0..1, how much of the live speech stays
    pose: tuple[float, ...]  # [K] mm, added to it

    def mixed(self, live: np.ndarray) -> np.ndarray:
        """The pose to show, [K] mm; live: the speech's own."""
        return np.float32(self.speech) * live + np.array(self.pose, np.float32)


def curve_pose_of(obj: bpy.types.Object, channels: tuple[RigChannel, ...]) -> CurvePose | None:
    """What the curves do to a head now; None where it follows live speech alone. obj: may be the evaluated one."""
    settings = settings_of(obj)
    return mixed_pose(settings.follow, settings.curve_weight, pose_of(obj, channels))


def mixed_pose(follow: str, weight: float, pose: tuple[float, ...]) -> CurvePose | None:
    """As `curve_pose_of`, of the curves' own pose."""
    speech, share = SHARES[follow](weight)
    changed = tuple(share * value for value in pose)
    return None if speech == 1.0 and not any(changed) else CurvePose(speech, changed)
