# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyframes of a head: its channels, their F-curves, and the nodes that play them without the add-on."""

from collections.abc import Sequence

import bpy

from ...core.formats import RigChannel, UserError
from ...core.performance import RigReplay, side_of
from .. import head_paths, open_files
from ..blender_types import cloud_of
from ..head_cloud import has_own_cloud
from ..head_objects import settings_of
from ..scene.keyframes import keyed_frames, remove_curves, writable_bag, write_keys
from ..scene.motion_blur import enable_motion_blur
from ..scene.point_cloud import push
from ..scene.pose_channels import add_channels, is_detail, label_of, path_of, path_of_label, remove_channels
from ..scene.rig_attributes import write_moves
from ..scene.rig_nodes import add_rig_modifier, labels_of, remove_rig_modifier
from ..shot.keys import ShotKeys
from .curve_pose import corrections_within

GROUP, DETAILS = "TalkSplat", "TalkSplat Details"  # of the channels in the Graph Editor: those with a name, the others


def key_head(obj: bpy.types.Object, rig: RigReplay, keys: ShotKeys) -> None:
    """Write a shot's keys: the head follows them from now on. Raises UserError where a property is the artist's own."""
    if labels_of(obj) != [label_of(channel) for channel in rig.channels]:
        _change_channels(obj, rig)
    bag = writable_bag(obj, f"{obj.name} Speech")
    curves = list(zip(rig.channels, keys.curves))
    for group, has_details in ((GROUP, False), (DETAILS, True)):
        chosen = {path_of(channel): curve for channel, curve in curves if is_detail(channel.name) == has_details}
        if chosen:
            write_keys(bag, group, chosen)
    settings = settings_of(obj)
    settings.follow, settings.use_bake = "CURVES", False
    for correction in corrections_within(obj, keys.frames):
        correction.is_keyed = True


def show_channels(obj: bpy.types.Object) -> None:
    """Give an imported head the channels of its rig, where it has one: an artist knows its shapes. Its curves are all
    that moves one that speaks no sound, and come on top of the speech of another."""
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    if head is None or head.rig is None or head.replay.speaks:
        return
    _change_channels(obj, head.rig)
    settings_of(obj).follow = "ADD" if head.posing.speaks else "CURVES"


def _change_channels(obj: bpy.types.Object, rig: RigReplay) -> None:
    """The rig's channels in place of those that the object has, of another rig."""
    old, labels = labels_of(obj), [label_of(channel) for channel in rig.channels]
    for label in labels:
        if label in obj and label not in old:
            raise UserError(f"{obj.name} has a custom property {label} of its own; rename it and bake again.")
    gone = [label for label in old if label not in labels]
    remove_curves(obj, map(path_of_label, gone))
    remove_channels(obj, gone)
    add_channels(obj, rig.channels)
    add_rig_modifier(obj, rig.rig.card)


def override_reason(obj: bpy.types.Object) -> str:
    """Why an override cannot be keyed: Blender forgets, when it opens the file, the properties that it has and the
    library's head has not. "" where it can."""
    reference = obj.override_library.reference if obj.override_library else None
    if not isinstance(reference, bpy.types.Object) or has_keyframes(reference):
        return ""
    library = bpy.path.basename(reference.library.filepath) if reference.library else "its library"
    return f"The head in {library} has no channels to override: press Bake to Keyframes in that file first"


def has_keyframes(obj: bpy.types.Object) -> bool:
    """Whether the head has channels."""
    return bool(labels_of(obj))


def keyed_range(obj: bpy.types.Object) -> tuple[float, float] | None:
    """The head's first and last key; None without any."""
    return keyed_frames(obj, map(path_of_label, labels_of(obj)))


def remove_keyframes(obj: bpy.types.Object) -> None:
    """Take away all that `key_head` made: the head follows the speech again; an imported one keeps channels,
    all 0."""
    labels = labels_of(obj)
    remove_curves(obj, map(path_of_label, labels))
    remove_rig_modifier(obj)
    enable_motion_blur(obj)
    remove_channels(obj, labels)
    settings_of(obj).follow = "SPEECH"
    for correction in settings_of(obj).corrections:
        correction.is_keyed = False
    show_channels(obj)


def _has_nodes_of(obj: bpy.types.Object, channels: Sequence[RigChannel]) -> bool:
    """Whether the object's nodes are of these channels, also as they were before channels had sides: these come last in
    their region, and nodes that do not know them play the others."""
    sides = {side_of(channel.name) for channel in channels}
    plain = [label_of(channel) for channel in channels if channel.name not in sides]
    return labels_of(obj) in (plain, [label_of(channel) for channel in channels])


def playable_cloud(obj: bpy.types.Object) -> bpy.types.PointCloud | None:
    """A new cloud, at rest and with the rig's moves, that the nodes move by the curves in a Blender without the add-on;
    None for a head that does not follow curves alone, or whose file is not there."""
    head = open_files.head.cached(head_paths.path_of(obj, "head"))
    if settings_of(obj).follow != "CURVES" or not has_own_cloud(obj) or head is None or head.rig is None:
        return None
    if not _has_nodes_of(obj, head.rig.channels) or len(cloud_of(obj).points) != len(head):
        return None
    cloud = cloud_of(obj).copy()
    push(cloud, head.rig.frame())
    write_moves(cloud, head.rig.rig)
    return cloud
