# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's corrections: how one is made of what an artist sees at a frame."""

import bpy
import numpy as np

from ...core.formats import RigChannel, UserError
from ...core.performance import LandmarkCarrier, RigReplay
from .. import head_paths, moments
from ..head_objects import settings_of
from ..keyframes.curve_pose import SHARES, curve_pose_of
from ..scene import strip as strips
from ..scene.pose_channels import pose_of
from ..shot.keys import rig_of_head
from ..speech.spoken_moments import TakeBlend, mix_of, moment_in
from ..takes.blend import shares_now
from ..unique_name import unique_name
from .properties import TalkSplatCorrection

LIPS = "lips_apart"
INNER_UPPER, INNER_LOWER = slice(61, 64), slice(65, 68)  # of iBUG's 68 landmarks
SMALL = 0.01  # mm


def add_correction(scene: bpy.types.Scene, obj: bpy.types.Object, name: str) -> TalkSplatCorrection:
    """A new correction at the scene's frame, chosen in the list: what the artist moved the head's channels by at this
    frame without keying it, which goes from the channels into the correction; else one of zeros.

    Raises UserError for a head without a rig.
    """
    channels, settings = rig_of(obj).channels, settings_of(obj)
    change = _take_unkeyed(scene, obj, channels)
    taken = {row.name for row in settings.corrections}  # overrides of a library tell them apart by their names
    item = settings.corrections.add()
    item.name, item.frame = unique_name(name, taken), scene.frame_current
    for channel, value in zip(channels, change):
        row = item.changes.add()
        row.name, row.value = channel.name, value
    settings.active_correction, settings.use_bake = len(settings.corrections) - 1, False
    obj.update_tag()
    return item


def remove_correction(obj: bpy.types.Object, index: int) -> None:
    """Take a correction away; the one before it is chosen. Raises UserError for one of an override's library."""
    settings = settings_of(obj)
    reference = obj.override_library.reference if obj.override_library else None
    if isinstance(reference, bpy.types.Object) and index < len(settings_of(reference).corrections):
        raise UserError(f"{settings.corrections[index].name} is the library's; mute it here, or remove it there.")
    settings.corrections.remove(index)
    settings.active_correction = max(index - 1, 0)
    obj.update_tag()


def close_lips(scene: bpy.types.Scene, obj: bpy.types.Object) -> TalkSplatCorrection:
    """A new correction that closes the lips at the scene's frame.

    Raises UserError where they are closed, or the head has no channel for them.
    """
    rig = rig_of(obj)
    names = [channel.name for channel in rig.channels]
    if LIPS not in names:
        raise UserError(f"{obj.name} has no channel that opens and closes the lips.")
    row, closed = names.index(LIPS), closed_lips(obj)
    if shown_pose(scene, obj)[row] < closed + SMALL:
        raise UserError(f"The lips of {obj.name} are closed at frame {scene.frame_current}.")
    item = add_correction(scene, obj, "Lips Closed")
    item.changes[row].value += closed - shown_pose(scene, obj)[row]
    return item


def closed_lips(obj: bpy.types.Object) -> float:
    """mm of "lips_apart": where the inner edges of the lips meet, by the landmarks on the head's card; at rest
    where it has none, or rests with pressed lips. Not beyond what the rig was made from."""
    rig, head = rig_of(obj), moments.loaded_head(head_paths.path_of(obj, "head")).file
    low = next(channel.low for channel in rig.channels if channel.name == LIPS)
    if "landmarks" not in head.card.training:
        return 0.0
    height = LandmarkCarrier(head).of(rig.frame())[:, 2]
    gap = 1000.0 * float(np.mean(height[INNER_UPPER] - height[INNER_LOWER]))
    return min(max(-gap, low), 0.0)


def shown_pose(scene: bpy.types.Scene, obj: bpy.types.Object) -> np.ndarray:
    """[K] mm: the head's pose at the scene's frame, as its speech, its sliders, its curves and corrections are now.
    Raises UserError."""
    channels, now = rig_of(obj).channels, strips.current_frame(scene)
    time, controls, mix = strips.scene_time(scene, now), settings_of(obj).controls.values(), mix_of(obj, scene)
    spoken = moment_in(obj, mix, time, controls)
    live = moments.live_pose(TakeBlend(obj, scene).into(spoken, time, controls, shares_now(obj, obj)))
    curves = curve_pose_of(obj, channels, scene, now)
    return curves.mixed(live) if curves else live


def rig_of(obj: bpy.types.Object) -> RigReplay:
    """The head's rig. Raises UserError where it has none."""
    return rig_of_head(head_paths.path_of(obj, "head"))


def _take_unkeyed(scene: bpy.types.Scene, obj: bpy.types.Object, channels: tuple[RigChannel, ...]) -> np.ndarray:
    """[K] mm: what was added to the shown pose by moving channels at this frame without a key. Blender's own evaluation
    of the frame puts them back, whatever moves them (F-curves, NLA, drivers); a channel that nothing moves stays."""
    settings = settings_of(obj)
    moved = np.array(pose_of(obj, channels))
    if SHARES[settings.follow](settings.curve_weight)[1] == 0.0 or not obj.animation_data:
        return np.zeros(len(channels))
    scene.frame_set(scene.frame_current)
    change = moved - np.array(pose_of(obj, channels))
    return SHARES[settings.follow](settings.curve_weight)[1] * change
