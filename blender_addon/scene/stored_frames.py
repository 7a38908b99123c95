# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's frames inside the .blend, or in a folder beside it: Blender's own Bake node (4.5), which plays them, also
between two frames, in a Blender without the add-on and without Python.

The frames play where the cloud is a saved file's (`stored_cloud`); in a session the modifier passes the cloud on.
"""

from pathlib import Path
from typing import Any, Literal, cast

import bpy

from .stored_cloud import FRAMES, SH
from .versions import points_type_node

NAME = "TalkSplat Stored Frames"


def store_frames(obj: bpy.types.Object, target: Literal["PACKED", "DISK"], folder: str, has_side_colour: bool) -> bool:
    """Evaluate the frames of the scene's range and keep them in place of those that are there; False where Blender
    could not. folder: relative to the .blend ("//..."), for DISK."""
    remove_frames(obj)
    modifier = cast(bpy.types.NodesModifier, obj.modifiers.new(NAME, "NODES"))
    modifier.show_expanded = False
    modifier.node_group = _group(has_side_colour)
    modifier.bake_target, modifier.bake_directory = target, folder
    bake = modifier.bakes[0]
    bake.bake_mode = "ANIMATION"
    with bpy.context.temp_override(object=obj, active_object=obj):  # 5.3 asks for an active object
        done = bpy.ops.object.geometry_node_bake_single(
            session_uid=obj.session_uid, modifier_name=modifier.name, bake_id=bake.bake_id
        )
    return done == {"FINISHED"}


def frames_modifier_of(obj: bpy.types.Object) -> bpy.types.NodesModifier | None:
    """The modifier that plays the object's stored frames, whatever its name is now."""
    modifiers = (modifier for modifier in obj.modifiers if isinstance(modifier, bpy.types.NodesModifier))
    return next((m for m in modifiers if m.node_group is not None and m.node_group.get(NAME)), None)


def has_frames_folder(obj: bpy.types.Object) -> bool:
    """Whether the folder with the object's frames is there. Blender forgets it in a copy of the object."""
    modifier = frames_modifier_of(obj)
    if modifier is None or not modifier.bake_directory:
        return False
    folder = Path(bpy.path.abspath(modifier.bake_directory, library=obj.library))
    return any((folder / str(bake.bake_id) / "meta").is_dir() for bake in modifier.bakes)


def remove_frames(obj: bpy.types.Object) -> None:
    """Take the stored frames away, also from the disk."""
    modifier = frames_modifier_of(obj)
    if modifier is None:
        return
    group = modifier.node_group
    for bake in modifier.bakes:
        with bpy.context.temp_override(object=obj, active_object=obj):
            bpy.ops.object.geometry_node_bake_delete_single(
                session_uid=obj.session_uid, modifier_name=modifier.name, bake_id=bake.bake_id
            )
    obj.modifiers.remove(modifier)
    if group is not None and group.users == 0:
        bpy.data.node_groups.remove(group)


def migrate_frames(obj: bpy.types.Object) -> None:
    """Frames that an older Blender stored are points: make splats of them where Blender knows splats (5.3)."""
    modifier, kind = frames_modifier_of(obj), points_type_node()
    if modifier is None or not kind or modifier.node_group is None or modifier.node_group.library is not None:
        return
    tree = modifier.node_group
    if not any(node.bl_idname == kind for node in tree.nodes):
        link = next(link for link in tree.links if link.from_node and link.from_node.bl_idname == "GeometryNodeBake")
        tree.links.new(_as_splats(tree, link.from_socket), cast(Any, link.to_socket))


def _group(has_side_colour: bool) -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    tree[NAME] = True
    interface = cast(Any, tree.interface)
    for side in ("INPUT", "OUTPUT"):
        interface.new_socket("Geometry", in_out=side, socket_type="NodeSocketGeometry")
    cloud: Any = tree.nodes.new("NodeGroupInput").outputs[0]
    marker: Any = tree.nodes.new("GeometryNodeInputNamedAttribute")
    marker.inputs["Name"].default_value = FRAMES
    is_stored: Any = tree.nodes.new("GeometryNodeSampleIndex")
    is_stored.data_type = "BOOLEAN"
    tree.links.new(cloud, is_stored.inputs[0])
    tree.links.new(marker.outputs["Exists"], next(s for s in is_stored.inputs[1:] if s.enabled))
    bake: Any = tree.nodes.new("GeometryNodeBake")
    if not bake.bake_items:  # 5.3 gives a node that a script makes none
        bake.bake_items.new("GEOMETRY", "Geometry")
    tree.links.new(cloud if has_side_colour else _without_side_colour(tree, cloud), bake.inputs[0])
    switch: Any = tree.nodes.new("GeometryNodeSwitch")
    switch.input_type = "GEOMETRY"
    tree.links.new(is_stored.outputs[0], switch.inputs["Switch"])
    tree.links.new(cloud, switch.inputs["False"])
    tree.links.new(_as_splats(tree, bake.outputs[0]), switch.inputs["True"])
    tree.links.new(switch.outputs[0], tree.nodes.new("NodeGroupOutput").inputs[0])
    for x, node in enumerate(tree.nodes):
        node.location = (200 * x, 0)
    return tree


def _without_side_colour(tree: bpy.types.NodeTree, cloud: Any) -> Any:
    node: Any = tree.nodes.new("GeometryNodeRemoveAttribute")
    if "Pattern Mode" in node.inputs:
        node.inputs["Pattern Mode"].default_value = "Wildcard"
    else:
        node.pattern_mode = "WILDCARD"
    node.inputs["Name"].default_value = f"{SH}*"
    tree.links.new(cloud, node.inputs[0])
    return node.outputs[0]


def _as_splats(tree: bpy.types.NodeTree, cloud: Any) -> Any:
    """The cloud as splats where there is such a thing."""
    if not (kind := points_type_node()):
        return cloud
    node: Any = tree.nodes.new(kind)
    tree.links.new(cloud, node.inputs[0])
    node.inputs["Type"].default_value = "3D Gaussian Splat"
    return node.outputs[0]
