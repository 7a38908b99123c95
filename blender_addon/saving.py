# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a head reaches the .blend: an object with an empty cloud, a relative path and a hash.

While a file is written, every head's cloud stands aside for an empty stand-in; after it was written
the cloud comes back as it was. After a file was read, every head is loaded and its cloud made again.
A Blender without the add-on opens the file and sees an object without points.
"""

import os

import bpy
from bpy.app.handlers import persistent

from ..core.formats import UserError
from . import open_files, playback
from .properties import is_head
from .scene.point_cloud import fill, new_cloud

PATHS = ("head", "sound", "bake")  # of TalkSplatHead, stored relative where they can be; the cache stays absolute

_aside: list[tuple[str, str]] = []  # (cloud, stand-in) by name, while a file is written
_before: dict[tuple[int, str], str] = {}  # (object, property) -> path, while a file is written


def own_heads() -> list[bpy.types.Object]:
    """Every head of this file, in whichever scene."""
    return [body for body in bpy.data.objects if is_head(body) and body.library is None]


def load_head(body: bpy.types.Object, path: str) -> None:
    """Give `body` the head at the absolute `path`: its cloud, its path, its hash. Raises UserError."""
    head = open_files.head(path)
    old = body.data
    cloud = new_cloud(head.file.card.name, len(head))
    materials = list(old.materials) if old else []
    for material in materials:
        cloud.materials.append(material)
    fill(cloud, head.replay.canonical)
    body.data = cloud
    if old is not None and old.users == 0:
        bpy.data.pointclouds.remove(old)
        cloud.name = head.file.card.name
    body.talksplat.head = open_files.storable(path)
    body.talksplat.head_hash = head.hash


def restore() -> None:
    """Load every head whose cloud is not there (a file was opened, the add-on was switched on)."""
    playback.forget()
    for body in own_heads():
        try:
            path = open_files.absolute(body.talksplat.head)
            head = open_files.head(path)
            if len(body.data.points) != len(head) and head.hash == body.talksplat.head_hash:
                load_head(body, path)
        except UserError:
            continue  # `playback.refresh` meets the same sentence and keeps it for the panel
    for scene in bpy.data.scenes:
        playback.refresh(scene)


@persistent
def before_writing(path: str, *_) -> None:
    folder = os.path.dirname(path) if path else ""
    for body in own_heads():
        for name in PATHS if folder else ():
            value = getattr(body.talksplat, name)
            _before[body.session_uid, name] = value
            if value:
                setattr(body.talksplat, name, open_files.storable(open_files.absolute(value), folder))
    for cloud in {body.data.session_uid: body.data for body in own_heads()}.values():
        stand_in = bpy.data.pointclouds.new("talksplat stand-in")
        for material in cloud.materials:
            stand_in.materials.append(material)
        cloud.user_remap(stand_in)
        _aside.append((cloud.name, stand_in.name))


@persistent
def after_writing(path: str, *_) -> None:
    for cloud_name, stand_in_name in _aside:
        stand_in = bpy.data.pointclouds[stand_in_name]
        stand_in.user_remap(bpy.data.pointclouds[cloud_name])
        bpy.data.pointclouds.remove(stand_in)
    _aside.clear()
    copied = not path or os.path.normpath(path) != os.path.normpath(bpy.data.filepath)
    for body in own_heads() if copied else ():
        for name in PATHS:
            if (body.session_uid, name) in _before:
                setattr(body.talksplat, name, _before[body.session_uid, name])
    _before.clear()


@persistent
def after_reading(*_) -> None:
    restore()


HANDLERS = (
    ("save_pre", before_writing),
    ("save_post", after_writing),
    ("save_post_fail", after_writing),
    ("load_post", after_reading),
)


def register() -> None:
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).append(handler)
    # While an add-on is switched on at start-up bpy.data cannot be touched.
    bpy.app.timers.register(restore, first_interval=0.0)


def unregister() -> None:
    for event, handler in HANDLERS:
        getattr(bpy.app.handlers, event).remove(handler)
    if bpy.app.timers.is_registered(restore):
        bpy.app.timers.unregister(restore)
