# SPDX-License-Identifier: GPL-3.0-or-later
"""Which heads a 3D view shows, and how: the draw handlers. Blender itself draws only the box around a head."""

from contextlib import nullcontext

import bpy

from .. import playback
from ..blender_types import cloud_of, current_context
from ..head_cloud import has_own_cloud
from ..head_objects import placed_heads
from ..scene.stored_cloud import is_stored
from ..scene.versions import draws_splats
from . import notes, shader, xray
from .splats import SplatDrawer

_drawer = SplatDrawer()
_handles: list[object] = []


def opacity_in(shading: bpy.types.View3DShading) -> float:
    """How opaque a head is under a view's shading, 0..1: as a mesh, which Wireframe reduces to its edges and X-Ray
    makes see-through. A head has no edges."""
    if shading.type == "WIREFRAME":
        return 0.0
    return shading.xray_alpha if shading.type == "SOLID" and shading.show_xray else 1.0


def draw() -> None:
    """Blender calls it for every 3D view, after its own drawing."""
    context = current_context()
    space = context.space_data
    if not isinstance(space, bpy.types.SpaceView3D):
        return
    opacity = opacity_in(space.shading)
    if opacity == 0.0:
        return
    with nullcontext() if opacity == 1.0 else xray.see_through(opacity):
        _draw_heads(context.scene, space)


def _draw_heads(scene: bpy.types.Scene, space: bpy.types.SpaceView3D) -> None:
    for obj, matrix, owner in placed_heads(scene):
        shown = playback.shown_of(obj)
        is_native = draws_splats() and (has_own_cloud(obj) or is_stored(cloud_of(obj)))
        if shown is not None and not is_native and owner.visible_in_viewport_get(space):
            key, uid = (space.as_pointer(), owner.session_uid), cloud_of(obj).session_uid
            _drawer.draw(uid, shown.frame, shown.canonical, matrix, linear=True, view_key=key)


def register() -> None:
    """Called by the add-on's own `register`."""
    rows = ((draw, "POST_VIEW"), (notes.draw_boxes, "POST_VIEW"), (notes.draw_texts, "POST_PIXEL"))
    _handles.extend(bpy.types.SpaceView3D.draw_handler_add(call, (), "WINDOW", when) for call, when in rows)


def unregister() -> None:
    """Called by the add-on's own `unregister`."""
    for handle in _handles:
        bpy.types.SpaceView3D.draw_handler_remove(handle, "WINDOW")
    _handles.clear()
    _drawer.clear()
    shader.clear()
    xray.clear()
