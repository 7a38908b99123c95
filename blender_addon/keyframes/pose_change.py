# SPDX-License-Identifier: GPL-3.0-or-later
"""What the curves of a head's pose, its corrections and its other takes change in a shot, as a bake takes it: the pose
that is shown less the live one of the active take."""

from collections.abc import Iterable

import bpy

from ...core.formats import UserError
from ...core.performance import Controls, PoseChange
from .. import head_paths, moments
from ..scene.sound_mix import SoundMix
from ..scene.strip import scene_time
from ..shot.sampling import sample_curve_poses, sample_shares
from ..speech.spoken_moments import TakeBlend, moment_in
from ..takes.blend import is_blending
from .curve_pose import moves_pose, no_rig_sentence

DIGITS = 5  # of a millimetre: what is less is rounding


def pose_change(
    scene: bpy.types.Scene,
    obj: bpy.types.Object,
    frames: range,
    mix: SoundMix | None,
    sliders: Iterable[Controls],
) -> PoseChange:
    """mix: of what is spoken, as `mix_of_shot` gives it; sliders: at each frame. Raises UserError."""
    if not moves_pose(obj) and not is_blending(obj):
        return PoseChange()
    path = head_paths.path_of(obj, "head")
    rig = moments.loaded_head(path).rig
    if rig is None:
        raise UserError(no_rig_sentence(obj, path))
    rows, blend = [], TakeBlend(obj, scene)
    sampled = sample_curve_poses(scene, obj, frames, rig.channels), sample_shares(scene, obj, frames)
    for frame, curves, shares, controls in zip(frames, *sampled, sliders):
        time = scene_time(scene, frame)
        moment = moment_in(obj, mix, time, controls)._replace(curves=curves)
        change = moments.pose_change_of(blend.into(moment, time, controls, shares))
        rows.append(tuple(round(change.get(channel.name, 0.0), DIGITS) for channel in rig.channels))
    changed = [any(column) for column in zip(*rows)]
    names = tuple(channel.name for channel, is_changed in zip(rig.channels, changed) if is_changed)
    values = tuple(tuple(v for v, is_changed in zip(row, changed) if is_changed) for row in rows)
    return PoseChange(names, values) if names else PoseChange()
