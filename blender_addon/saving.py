# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a head reaches the .blend: an object with an empty cloud, a relative path and a hash.

While a file is written, every head's cloud is replaced by an empty stand-in; after it was written the cloud comes back
as it was. After a file was read, every head is loaded and its cloud made again. A Blender without the add-on opens the
file and sees an object without points; of a self-contained head (`self_contained`) it sees all, moved by its nodes,
and its proxy mesh, which drivers move.
"""

import os

import bpy
from bpy.app.handlers import persistent

from . import playback, running
from .blender_types import cloud_of
from .head_objects import is_head
from .head_paths import adopt_paths, put_back_paths, store_paths, stored_paths
from .migration import migrate_settings
from .playback_handlers import load_soon
from .proxy.proxy_mesh import drive_proxy
from .scene.material import migrate_materials
from .scene.proxy_object import remove_drivers
from .scene.stored_cloud import is_stored
from .scene.versions import set_splat_type
from .self_contained.stored_head import cloud_to_save

_stand_ins: list[tuple[str, str]] = []  # (cloud, stand-in) by name, while a file is written
_driven: list[str] = []  # proxy meshes that have drivers, by name, while a file is written
_paths_before: dict[int, list[str]] = {}  # session number of the object -> `stored_paths`, while a file is written


def own_heads() -> list[bpy.types.Object]:
    """Every head of this file, in whichever scene."""
    return [obj for obj in bpy.data.objects if is_head(obj) and obj.library is None]


def restore() -> None:
    """Load every head whose cloud is not there (a file was opened, the add-on was switched on)."""
    playback.forget()
    migrate_materials()
    for obj in own_heads():
        migrate_settings(obj)
        if cloud_of(obj).library is None:
            set_splat_type(cloud_of(obj))
    playback.load_clouds()


@persistent
def before_writing(path: str, *_: object) -> None:
    """Put stand-ins in place of the heads' clouds, and make their paths relative to the file's new place."""
    owners = {cloud_of(obj).session_uid: obj for obj in own_heads() if not cloud_of(obj).library}
    for obj in owners.values():
        cloud = cloud_of(obj)
        if is_stored(cloud):
            continue  # as it was read: the head's file is not there
        stand_in = cloud_to_save(obj) or _empty_cloud(cloud)
        stand_in.name = "talksplat stand-in"
        cloud.user_remap(stand_in)
        _stand_ins.append((cloud.name, stand_in.name))
    _driven.extend(proxy.name for obj in own_heads() if (proxy := drive_proxy(obj)))
    folder = os.path.dirname(path) if path else ""
    for obj in own_heads() if folder else ():  # last: until the file is written the paths are of another place
        _paths_before[obj.session_uid] = stored_paths(obj)
        store_paths(obj, folder)


def _empty_cloud(cloud: bpy.types.PointCloud) -> bpy.types.PointCloud:
    """One with the same materials."""
    empty = bpy.data.pointclouds.new("talksplat stand-in")
    if "position" not in empty.attributes:  # Cycles of 5.0 takes whatever is in memory for it, and crashes
        empty.attributes.new("position", "FLOAT_VECTOR", "POINT")
    for material in cloud.materials:
        empty.materials.append(material)
    return empty


@persistent
def after_writing(path: str, *_: object) -> None:
    """Give the clouds back; a copy written elsewhere leaves the open file's paths as they were."""
    for cloud_name, stand_in_name in _stand_ins:
        stand_in = _own_cloud(stand_in_name)
        stand_in.user_remap(_own_cloud(cloud_name))
        bpy.data.pointclouds.remove(stand_in)
    _stand_ins.clear()
    for name in _driven:
        remove_drivers(next(obj for obj in bpy.data.objects if obj.name == name and obj.library is None))
    _driven.clear()
    is_copy = not path or os.path.normpath(path) != os.path.normpath(bpy.data.filepath)
    for obj in own_heads() if is_copy else ():
        if obj.session_uid in _paths_before:
            put_back_paths(obj, _paths_before[obj.session_uid])
    _paths_before.clear()


def _own_cloud(name: str) -> bpy.types.PointCloud:
    """This file's cloud of that name; a library may hold another."""
    return next(cloud for cloud in bpy.data.pointclouds if cloud.name == name and cloud.library is None)


@persistent
def after_reading(*_: object) -> None:
    """Load the heads of the file that was opened."""
    running.forget_outcome()
    restore()


@persistent
def after_import(context: bpy.types.BlendImportContext, *_: object) -> None:
    """Heads were linked, appended or pasted: an appended head's paths are the other file's."""
    for item in context.import_items:
        obj = item.id
        if isinstance(obj, bpy.types.Object) and is_head(obj) and obj.library is None and item.source_library:
            adopt_paths(obj, os.path.dirname(bpy.path.abspath(item.source_library.filepath)))
    load_soon()


HANDLERS = (
    ("save_pre", before_writing),
    ("save_post", after_writing),
    ("save_post_fail", after_writing),
    ("load_post", after_reading),
    ("blend_import_post", after_import),
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
