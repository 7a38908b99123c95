# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud of a head object: made from the head's file."""

import bpy

from . import head_paths, open_files
from .blender_types import cloud_of
from .head_objects import settings_of
from .scene.motion_blur import enable_motion_blur
from .scene.point_cloud import fill, new_cloud
from .scene.stored_cloud import is_stored


def load_head(obj: bpy.types.Object, path: str) -> None:
    """Give `obj` the head at the absolute `path`: its cloud, its path, its hash. Raises UserError."""
    head = open_files.head(path)
    replace_cloud(obj, head)
    head_paths.store_path(obj, "head", path)
    settings_of(obj).head_hash = head.hash
    settings_of(obj).stored_in = head_paths.open_folder()


def replace_cloud(obj: bpy.types.Object, head: open_files.OpenHead) -> None:
    """A new cloud of the head at rest, in place of the one that the object has."""
    old = obj.data
    cloud = new_cloud(head.file.card.name, head.replay.canonical.means)
    for material in cloud_of(obj).materials if old else ():
        cloud.materials.append(material)
    fill(cloud, head.replay.canonical, head.file.card.blend)
    obj.data = cloud
    enable_motion_blur(obj)
    if isinstance(old, bpy.types.PointCloud) and old.users == 0 and old.library is None:
        bpy.data.pointclouds.remove(old)
        cloud.name = head.file.card.name


def has_own_cloud(obj: bpy.types.Object) -> bool:
    """Whether the head can move its cloud. Blender ignores what is written into linked data: such a head is drawn in
    the 3D view all the same, and an override gets a cloud of its own."""
    return obj.library is None and cloud_of(obj).library is None


def needs_loading(obj: bpy.types.Object, head: open_files.OpenHead) -> bool:
    """Whether the object lacks the cloud that `replace_cloud` would give it. A saved file's own is
    replaced: its nodes would move what playback has moved."""
    cloud = cloud_of(obj)
    return obj.library is None and not (has_own_cloud(obj) and len(cloud.points) == len(head) and not is_stored(cloud))
