# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's frames inside the .blend, or in a folder beside it: Blender's own Bake node (4.5), which plays them, also
between two frames, in a Blender without the add-on and without Python.

The frames play where the cloud is a saved file's (`stored_cloud`); in a session the modifier passes the cloud on.
"""

from pathlib import Path
from typing import Any, Literal, cast

import bpy

from .attributes import MOVING
from .stored_cloud import FRAMES

NAME = "TalkSplat Stored Frames"


def store_frames(obj: bpy.types.Object, target: Literal["PACKED", "DISK"], folder: str, head: str) -> bool:
    """Evaluate the frames of the scene's range and keep them in place of those that are there; False where Blender
    could not. folder: relative to the .blend ("//..."), for DISK. head: the hash of the head whose frames they are."""
    remove_frames(obj)
    modifier = cast(bpy.types.NodesModifier, obj.modifiers.new(NAME, "NODES"))
    modifier.show_expanded = False
    modifier.node_group = _group(head)
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


def is_of_head(modifier: bpy.types.NodesModifier, head: str) -> bool:
    """Whether the modifier's frames are those of the head with that hash: of another one they would move the wrong
    Gaussians."""
    return modifier.node_group is not None and modifier.node_group.get(NAME) == head


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


def _group(head: str) -> bpy.types.NodeTree:
    """What the Bake node keeps of the cloud is what moves; the rest, and that it is a cloud of splats, is the saved
    cloud's own: a Blender that knows no splats bakes points, which would stay points in one that does."""
    tree = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    tree[NAME] = head
    interface = cast(Any, tree.interface)
    for side in ("INPUT", "OUTPUT"):
        interface.new_socket("Geometry", in_out=side, socket_type="NodeSocketGeometry")
    cloud: Any = tree.nodes.new("NodeGroupInput").outputs[0]
    marker: Any = tree.nodes.new("GeometryNodeInputNamedAttribute")
    marker.inputs["Name"].default_value = FRAMES
    is_stored = _sampled(tree, cloud, marker.outputs["Exists"], "BOOLEAN")
    bake: Any = tree.nodes.new("GeometryNodeBake")
    if not bake.bake_items:  # 5.3 gives a node that a script makes none
        bake.bake_items.new("GEOMETRY", "Geometry")
    tree.links.new(_without_colour(tree, cloud), bake.inputs[0])
    switch: Any = tree.nodes.new("GeometryNodeSwitch")
    switch.input_type = "GEOMETRY"
    tree.links.new(is_stored, switch.inputs["Switch"])
    tree.links.new(cloud, switch.inputs["False"])
    tree.links.new(_moved(tree, cloud, bake.outputs[0]), switch.inputs["True"])
    tree.links.new(switch.outputs[0], tree.nodes.new("NodeGroupOutput").inputs[0])
    for x, node in enumerate(tree.nodes):
        node.location = (200 * x, 0)
    return tree


def _without_colour(tree: bpy.types.NodeTree, cloud: Any) -> Any:
    node: Any = tree.nodes.new("GeometryNodeRemoveAttribute")
    if "Pattern Mode" in node.inputs:
        node.inputs["Pattern Mode"].default_value = "Wildcard"
    else:
        node.pattern_mode = "WILDCARD"
    node.inputs["Name"].default_value = "radiance:*"
    tree.links.new(cloud, node.inputs[0])
    return node.outputs[0]


def _moved(tree: bpy.types.NodeTree, cloud: Any, frame: Any) -> Any:
    """The cloud with what moves as it is in `frame`."""
    index: Any = tree.nodes.new("GeometryNodeInputIndex").outputs[0]
    for name, kind in MOVING.values():
        attribute: Any = tree.nodes.new("GeometryNodeInputNamedAttribute")
        attribute.data_type, attribute.inputs["Name"].default_value = kind, name
        value = _sampled(tree, frame, next(o for o in attribute.outputs if o.enabled), kind, index)
        if name == "position":
            node: Any = tree.nodes.new("GeometryNodeSetPosition")
            tree.links.new(value, node.inputs["Position"])
        else:
            node = tree.nodes.new("GeometryNodeStoreNamedAttribute")
            node.data_type, node.inputs["Name"].default_value = kind, name
            tree.links.new(value, next(s for s in node.inputs if s.name == "Value" and s.enabled))
        tree.links.new(cloud, node.inputs[0])
        cloud = node.outputs[0]
    return cloud


def _sampled(tree: bpy.types.NodeTree, cloud: Any, value: Any, kind: str, index: Any = None) -> Any:
    """The value of one point of another cloud; without an index, of the first."""
    node: Any = tree.nodes.new("GeometryNodeSampleIndex")
    node.data_type = kind
    tree.links.new(cloud, node.inputs[0])
    tree.links.new(value, next(s for s in node.inputs[1:] if s.enabled))
    if index is not None:
        tree.links.new(index, node.inputs["Index"])
    return next(output for output in node.outputs if output.enabled)
