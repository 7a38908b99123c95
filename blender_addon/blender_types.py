# SPDX-License-Identifier: GPL-3.0-or-later
"""Types where Blender's stubs say too little. Nothing in here does anything at run time but check what it promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import bpy

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import ContextModeItems, OperatorReturnItems

    Operator = bpy.types.Operator
    OperatorResult = set[OperatorReturnItems]
else:
    Operator = object  # the base of mixins: bpy's own class comes last in each operator's bases
    OperatorResult = set


class Context(Protocol):
    """What the add-on reads of `bpy.types.Context`. The stubs turn most of its members into methods, because its member
    `property` hides Python's; what is always there while an operator or a panel of ours runs is not None here."""

    scene: bpy.types.Scene
    view_layer: bpy.types.ViewLayer
    window: bpy.types.Window
    window_manager: bpy.types.WindowManager
    workspace: bpy.types.WorkSpace
    region: bpy.types.Region
    preferences: bpy.types.Preferences
    collection: bpy.types.Collection | None
    area: bpy.types.Area | None
    space_data: bpy.types.Space | None
    object: bpy.types.Object | None
    selected_objects: list[bpy.types.Object]
    mode: ContextModeItems

    def evaluated_depsgraph_get(self) -> bpy.types.Depsgraph:
        """The dependency graph of the current scene and view layer."""
        ...


def current_context() -> Context:
    """`bpy.context`."""
    return cast(Context, bpy.context)


def cloud_of(obj: bpy.types.Object) -> bpy.types.PointCloud:
    """The object's point cloud. Raises TypeError for an object of another type: ask `is_head` first."""
    if not isinstance(obj.data, bpy.types.PointCloud):
        raise TypeError(f"{obj.name} is no point cloud")
    return obj.data
