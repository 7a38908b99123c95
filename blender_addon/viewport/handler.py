# SPDX-License-Identifier: GPL-3.0-or-later
"""Which heads a 3D view shows, and when: the draw handler. Blender itself draws only the box around a head."""

import bpy

from .. import open_files, playback
from ..blender_types import cloud_of, current_context
from ..properties import heads_of, settings_of
from ..scene.versions import draws_splats
from . import shader
from .splats import SplatDrawer

_drawer = SplatDrawer()
_handle = None


def draw() -> None:
    """Blender calls it for every 3D view, after its own drawing."""
    context = current_context()
    if not isinstance(context.space_data, bpy.types.SpaceView3D):
        return
    for obj in heads_of(context.scene):
        frame = playback.shown_frame(obj)
        head = open_files.head.cached(open_files.absolute(settings_of(obj).head))
        if frame is not None and head is not None and obj.visible_in_viewport_get(context.space_data):
            uid = cloud_of(obj).session_uid
            _drawer.draw(uid, frame, head.replay.canonical, obj.matrix_world, linear=True)


def register() -> None:
    """Called by the add-on's own `register`."""
    global _handle
    if not draws_splats():
        _handle = bpy.types.SpaceView3D.draw_handler_add(draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    global _handle
    if _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
        _handle = None
    _drawer.clear()
    shader.clear()
