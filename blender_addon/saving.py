# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a head reaches the .blend: an object with an empty cloud, a relative path and a hash.

While a file is written, every head's cloud is replaced by an empty stand-in; after it was written the cloud comes back
as it was. After a file was read, every head is loaded and its cloud made again. A Blender without the add-on opens the
file and sees an object without points.
"""

import os

import bpy
from bpy.app.handlers import persistent

from ..core.formats import UserError
from . import open_files, playback
from .blender_types import cloud_of
from .migration import migrate_settings
from .properties import is_head, settings_of
from .scene.point_cloud import fill, new_cloud

PATHS = ("head", "sound", "bake")  # of TalkSplatHead, stored relative where they can be; the cache stays absolute

_stand_ins: list[tuple[str, str]] = []  # (cloud, stand-in) by name, while a file is written
_paths_before: dict[tuple[int, str], str] = {}  # (object, property) -> path, while a file is written


def own_heads() -> list[bpy.types.Object]:
    """Every head of this file, in whichever scene."""
    return [obj for obj in bpy.data.objects if is_head(obj) and obj.library is None]


def load_head(obj: bpy.types.Object, path: str) -> None:
    """Give `obj` the head at the absolute `path`: its cloud, its path, its hash. Raises UserError."""
    head = open_files.head(path)
    old = obj.data
    cloud = new_cloud(head.file.card.name, len(head))
    for material in cloud_of(obj).materials if old else ():
        cloud.materials.append(material)
    fill(cloud, head.replay.canonical)
    obj.data = cloud
    if isinstance(old, bpy.types.PointCloud) and old.users == 0:
        bpy.data.pointclouds.remove(old)
        cloud.name = head.file.card.name
    settings_of(obj).head = open_files.storable(path)
    settings_of(obj).head_hash = head.hash


def restore() -> None:
    """Load every head whose cloud is not there (a file was opened, the add-on was switched on)."""
    playback.forget()
    for obj in own_heads():
        migrate_settings(obj)
        settings = settings_of(obj)
        try:
            path = open_files.absolute(settings.head)
            head = open_files.head(path)
            if len(cloud_of(obj).points) != len(head) and head.hash == settings.head_hash:
                load_head(obj, path)
        except UserError:
            continue  # `playback.refresh` meets the same sentence and keeps it for the panel
    for scene in bpy.data.scenes:
        playback.refresh(scene)


@persistent
def before_writing(path: str, *_: object) -> None:
    """Make the heads' paths relative to the file's new place and their clouds empty."""
    folder = os.path.dirname(path) if path else ""
    for obj in own_heads():
        settings = settings_of(obj)
        for name in PATHS if folder else ():
            value = getattr(settings, name)
            _paths_before[obj.session_uid, name] = value
            if value:
                setattr(settings, name, open_files.storable(open_files.absolute(value), folder))
    for cloud in {cloud_of(obj).session_uid: cloud_of(obj) for obj in own_heads()}.values():
        stand_in = bpy.data.pointclouds.new("talksplat stand-in")
        for material in cloud.materials:
            stand_in.materials.append(material)
        cloud.user_remap(stand_in)
        _stand_ins.append((cloud.name, stand_in.name))


@persistent
def after_writing(path: str, *_: object) -> None:
    """Give the clouds back; a copy written elsewhere leaves the open file's paths as they were."""
    for cloud_name, stand_in_name in _stand_ins:
        stand_in = bpy.data.pointclouds[stand_in_name]
        stand_in.user_remap(bpy.data.pointclouds[cloud_name])
        bpy.data.pointclouds.remove(stand_in)
    _stand_ins.clear()
    is_copy = not path or os.path.normpath(path) != os.path.normpath(bpy.data.filepath)
    for obj in own_heads() if is_copy else ():
        for name in PATHS:
            if (obj.session_uid, name) in _paths_before:
                setattr(settings_of(obj), name, _paths_before[obj.session_uid, name])
    _paths_before.clear()


@persistent
def after_reading(*_: object) -> None:
    """Load the heads of the file that was opened."""
    restore()


HANDLERS = (
    ("save_pre", before_writing),
    ("save_post", after_writing),
    ("save_post_fail", after_writing),
    ("load_post", after_reading),
)


def register() -> None:
    """Called by the add-on's own `register`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).append(handler)
    # While an add-on is switched on at start-up bpy.data cannot be touched.
    bpy.app.timers.register(restore, first_interval=0.0)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).remove(handler)
    if bpy.app.timers.is_registered(restore):
        bpy.app.timers.unregister(restore)
