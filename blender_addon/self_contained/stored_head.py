# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a head stays in the .blend for a Blender without the add-on: nothing, its rig and curves, or its frames.

A rig's moves and a marker of stored frames lie in the cloud of the saved file alone (`saving` swaps it in), where the
node groups of `scene/rig_nodes` and `scene/stored_frames` find them.
"""

from pathlib import Path
from typing import Literal

import bpy

from ...core.formats import UserError
from .. import head_paths, open_files, playback
from ..blender_types import cloud_of, current_context
from ..head_cloud import has_own_cloud
from ..head_objects import settings_of
from ..keyframes.head_keyframes import playable_cloud
from ..open_files import OpenHead
from ..scene import stored_cloud
from ..scene.motion_blur import enable_motion_blur
from ..scene.point_cloud import push
from ..scene.rig_attributes import moves_bytes
from ..scene.sound_source import find_sound
from ..scene.stored_frames import frames_modifier_of, has_frames_folder, is_of_head, remove_frames, store_frames
from ..scene.versions import drive_splat_type
from ..speech.attached_sounds import attached_sounds
from ..takes import compare as take_compare

TARGETS: dict[str, Literal["PACKED", "DISK"]] = {"PACKED": "PACKED", "FOLDER": "DISK"}  # of frames, as Blender says it


def stores_frames(obj: bpy.types.Object) -> bool:
    """Whether the head's frames are in the file, or beside it. Blender copies no folder with a head."""
    keep, modifier = settings_of(obj).stored.keep, frames_modifier_of(obj)
    if keep not in TARGETS or modifier is None or not is_of_head(modifier, settings_of(obj).head_hash):
        return False
    return keep == "PACKED" or has_frames_folder(obj)


def is_self_contained(obj: bpy.types.Object) -> bool:
    """Whether the head plays from the next saved file without the add-on and without the head's own file."""
    settings = settings_of(obj)
    return stores_frames(obj) or (settings.stored.keep == "RIG" and settings.follow == "CURVES")


def count_unkeyed(obj: bpy.types.Object) -> int:
    """How many corrections of a head that plays from its keyframes are not in them: only TalkSplat shows these."""
    if settings_of(obj).stored.keep != "RIG" or not is_self_contained(obj):
        return 0
    return sum(not (item.mute or item.is_keyed) for item in settings_of(obj).corrections)


def stored_bytes(obj: bpy.types.Object, scene: bpy.types.Scene) -> int | None:
    """The size of what the head's choice keeps, in the .blend and beside it, before compression; None where that is
    unknown. Of frames a cloud at rest is kept too."""
    settings, head = settings_of(obj), _open_head(obj)
    if settings.stored.keep == "PATHS":
        return 0
    if head is None or (settings.stored.keep == "RIG" and head.rig is None):
        return None
    still = stored_cloud.still_bytes(len(head), head.replay.canonical.sh_degree, settings.stored.side_colour)
    moving = len(head) * stored_cloud.MOVING_BYTES
    if settings.stored.keep == "RIG":
        return still + moving + moves_bytes(head.rig.rig, len(head)) if head.rig else None
    return still + moving * (scene.frame_end - scene.frame_start + 2)


def store_head_frames(obj: bpy.types.Object, target: str) -> None:
    """Keep the frames of the scene's range, as they are shown now. Raises UserError."""
    head, cloud, scene = _open_head(obj), cloud_of(obj), current_context().scene
    if head is None:
        raise UserError(f"{head_paths.path_of(obj, 'head')} is not loaded; press Relink Head.")
    take_compare.end(obj)  # what is stored is what the head speaks, as in every render
    playback.refresh(scene)
    frame, subframe = scene.frame_current, scene.frame_subframe
    stored_cloud.show_points(cloud, head.replay.canonical)
    folder = f"//frames/{bpy.path.clean_name(obj.name)}"
    try:
        done = store_frames(obj, TARGETS[target], folder, head.hash)
    finally:
        stored_cloud.show_points(cloud, None)
        scene.frame_set(frame, subframe=subframe)
    if not done:
        raise UserError(f"Blender could not store the frames of {obj.name}; see its console.")


def forget_head_frames(obj: bpy.types.Object) -> None:
    """Take the stored frames out of the file, and off the disk."""
    remove_frames(obj)
    enable_motion_blur(obj)


def pack_sounds(obj: bpy.types.Object) -> None:
    """Put the sounds that the head speaks into the .blend."""
    for source in attached_sounds(obj):
        sound = find_sound(source)
        if sound is not None and sound.packed_file is None and Path(source).is_file():
            sound.pack()


def cloud_to_save(obj: bpy.types.Object) -> bpy.types.PointCloud | None:
    """A new cloud that plays in a Blender without the add-on; None for a head of which the file keeps no points."""
    head, settings = _open_head(obj), settings_of(obj)
    if head is None or not has_own_cloud(obj) or len(cloud_of(obj).points) != len(head):
        return None
    cloud = None
    if settings.stored.keep == "RIG":
        cloud = playable_cloud(obj)
    elif stores_frames(obj):
        cloud = cloud_of(obj).copy()
        push(cloud, head.at_rest())
        stored_cloud.mark_frames(cloud)
    if cloud is not None:
        stored_cloud.show_points(cloud, head.replay.canonical)
        drive_splat_type(cloud)
        if not settings.stored.side_colour:
            stored_cloud.remove_side_colour(cloud)
    return cloud


def _open_head(obj: bpy.types.Object) -> OpenHead | None:
    return open_files.head.cached(head_paths.path_of(obj, "head"))
