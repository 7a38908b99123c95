# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes Cycles blur a head that moves (5.3): a Geometry Nodes modifier that passes its cloud on.

Cycles asks for an object's shape at the sub-frames of the shutter only where a modifier could change it.
"""

import bpy

from .versions import draws_splats

NAME = "TalkSplat Motion Blur"


def enable_motion_blur(obj: bpy.types.Object) -> None:
    """Give the object the modifier where Blender draws splats and no other nodes are there."""
    if draws_splats() and not any(modifier.type == "NODES" for modifier in obj.modifiers):
        modifier = obj.modifiers.new(NAME, "NODES")
        assert isinstance(modifier, bpy.types.NodesModifier)
        modifier.node_group = _pass_through()
        modifier.show_expanded = False


def _pass_through() -> bpy.types.NodeTree:
    """The group that all heads share, made on first use."""
    group = next((g for g in bpy.data.node_groups if g.name == NAME and g.library is None), None)
    if group is None:
        group = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
        assert group.interface is not None
        for side in ("INPUT", "OUTPUT"):
            group.interface.new_socket("Geometry", in_out=side, socket_type="NodeSocketGeometry")
        start, end = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
        group.links.new(start.outputs[0], end.inputs[0])
    return group
