# SPDX-License-Identifier: GPL-3.0-or-later
"""What a 3D view says about heads in words and lines: a box where a head's file is missing, and what F12 leaves out."""

from collections.abc import Iterator

import blf
import bpy
import gpu
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix, Vector

from .. import playback
from ..blender_types import cloud_of, current_context
from ..f12 import pictures as f12_pictures
from ..head_objects import heads_of, placed_heads
from ..scene.stored_cloud import is_stored
from ..scene.versions import draws_splats

# Metres of head space, about a head and its neck: nothing is known of one whose file is missing.
LOW, HIGH = Vector((-0.1, -0.12, -0.15)), Vector((0.1, 0.12, 0.15))
CORNERS = [Vector((x, y, z)) for z in (LOW.z, HIGH.z) for y in (LOW.y, HIGH.y) for x in (LOW.x, HIGH.x)]
LABEL = Vector((LOW.x, LOW.y, HIGH.z))  # the box's corner at the top left of a front view
COLOUR = (0.9, 0.4, 0.2, 1.0)
F12_NOTE = "F12 leaves heads out: press Show in F12 in the TalkSplat tab"
EDGES = [(a, a | bit) for a in range(8) for bit in (1, 2, 4) if not a & bit]


def _missing_heads(scene: bpy.types.Scene, space: bpy.types.SpaceView3D) -> Iterator[tuple[bpy.types.Object, Matrix]]:
    for obj, matrix, owner in placed_heads(scene):
        is_missing = playback.shown_of(obj) is None and not is_stored(cloud_of(obj))
        if is_missing and owner.visible_in_viewport_get(space):
            yield obj, matrix


def draw_boxes() -> None:
    """A box in place of each head that cannot be shown."""
    context = current_context()
    if not isinstance(context.space_data, bpy.types.SpaceView3D):
        return
    for _, matrix in _missing_heads(context.scene, context.space_data):
        corners = [(matrix @ corner)[:] for corner in CORNERS]
        program = gpu.shader.from_builtin("UNIFORM_COLOR")
        program.uniform_float("color", COLOUR)
        batch_for_shader(program, "LINES", {"pos": corners}, indices=EDGES).draw(program)


def draw_texts() -> None:
    """The name of each head that cannot be shown; in a rendered view, that F12 shows no heads yet."""
    context = current_context()
    space = context.space_data
    if not isinstance(space, bpy.types.SpaceView3D) or space.region_3d is None:
        return
    for obj, matrix in _missing_heads(context.scene, space):
        place = location_3d_to_region_2d(context.region, space.region_3d, matrix @ LABEL)
        if place is not None:
            _write(f"{obj.name}: see the TalkSplat tab", place.x, place.y)
    if space.shading.type == "RENDERED" and f12_leaves_out(context.scene):
        _write(F12_NOTE, 20, 20)


def f12_leaves_out(scene: bpy.types.Scene) -> bool:
    """Whether the scene has heads that Blender's own render does not show."""
    return not draws_splats() and not f12_pictures.is_shown(scene) and bool(heads_of(scene))


def _write(text: str, x: float, y: float) -> None:
    blf.size(0, 11 * current_context().preferences.system.ui_scale)
    blf.color(0, *COLOUR)
    blf.position(0, x, y, 0)
    blf.draw(0, text)
