# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects are heads, and which of them the user means."""

from collections.abc import Iterator

import bpy
from mathutils import Matrix

from .blender_types import Context
from .properties import TalkSplatHead


def settings_of(obj: bpy.types.Object) -> TalkSplatHead:
    """A head's settings (every object has them; `is_head` says whether they are used)."""
    return obj.talksplat  # pyright: ignore[reportAttributeAccessIssue]  (registered by properties)


def is_head(obj: bpy.types.Object | None) -> bool:
    """Whether the object is a talking head."""
    return obj is not None and obj.type == "POINTCLOUD" and bool(settings_of(obj).head)


def heads_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The scene's talking heads, each once: local, linked and inside of collections that the scene instances."""
    if not bpy.data.pointclouds:
        return []
    return list({obj.session_uid: obj for obj, _, _ in placed_heads(scene)}.values())


def placed_heads(
    place: bpy.types.Scene | bpy.types.ViewLayer,
) -> Iterator[tuple[bpy.types.Object, Matrix, bpy.types.Object]]:
    """(head, head space -> world, the object of the place that shows it): the head itself, or what instances it."""
    for obj in filter(None, place.objects):  # a view layer has gaps where objects were removed, until it is updated
        if is_head(obj):
            yield obj, obj.matrix_world, obj
        elif obj.instance_type == "COLLECTION":
            yield from ((head, matrix, obj) for head, matrix in _instanced_heads(obj, obj.matrix_world))


def _instanced_heads(owner: bpy.types.Object, matrix: Matrix) -> Iterator[tuple[bpy.types.Object, Matrix]]:
    collection = owner.instance_collection
    if collection is None:
        return
    inside = matrix @ Matrix.Translation(-collection.instance_offset)
    for obj in collection.all_objects:
        if is_head(obj):
            yield obj, inside @ obj.matrix_world
        elif obj.instance_type == "COLLECTION":
            yield from _instanced_heads(obj, inside @ obj.matrix_world)


def head_of(context: Context) -> bpy.types.Object | None:
    """The head that the user means: the active object when it is one, instances one
    or is its proxy mesh, else the scene's only one."""
    active = context.object
    if is_head(active):
        return active
    parent = active.parent if active is not None else None
    if parent is not None and is_head(parent) and settings_of(parent).proxy == active:
        return parent  # of its proxy mesh
    if active is not None and active.instance_type == "COLLECTION":
        return next((head for head, _ in _instanced_heads(active, active.matrix_world)), None)
    heads = heads_of(context.scene)
    return heads[0] if len(heads) == 1 else None


def other_heads(context: Context, head: bpy.types.Object) -> list[bpy.types.Object]:
    """The other heads that are selected."""
    return [obj for obj in context.selected_objects if obj != head and is_head(obj)]


def locked_reason(obj: bpy.types.Object | None) -> str:
    """Why the head's settings cannot be changed, in one sentence; "" when they can."""
    if obj is None:
        return "Select a head first"
    if obj.library is not None:
        return f"{obj.name} is linked from {bpy.path.basename(obj.library.filepath)}: press Make Library Override first"
    return ""
