# SPDX-License-Identifier: GPL-3.0-or-later
"""Which heads a 3D view shows, and when: the draw handler. Blender's own box stands for a head meanwhile."""

import bpy

from .. import open_files, playback
from ..properties import heads_of
from . import shader
from .splats import Splats, native

_splats = Splats()
_handle = None


def draw() -> None:
    """Blender calls it for every 3D view, after its own drawing."""
    context = bpy.context
    for body in heads_of(context.scene):
        frame = playback.shown_frame(body)
        head = open_files.head.known(open_files.absolute(body.talksplat.head))
        if frame is not None and head is not None and body.visible_in_viewport_get(context.space_data):
            _splats.draw(body.data.session_uid, frame, head.replay.canonical, body.matrix_world, linear=True)


def register() -> None:
    global _handle
    if not native():
        _handle = bpy.types.SpaceView3D.draw_handler_add(draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    global _handle
    if _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
        _handle = None
    _splats.forget()
    shader.forget()
