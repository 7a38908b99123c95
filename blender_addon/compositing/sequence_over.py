# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendered image sequence in the scene's compositor: one node that lays it over the scene, or into it by depth, and
gives its passes.

Nothing of the artist's own is touched: the node stands beside it, in a frame, and is linked by whoever wants it; an
empty compositor is made to show it. A newer sequence takes the place of the older one inside the node, and the links
stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import bpy

from ...core.formats import UserError
from .node_math import NodeMath
from .scene_compositor import MADE, MARK, compositor_of, inserted_groups, new_compositor, new_group

PURPOSE = "image sequence"
NAME = "talksplat_sequence"  # custom property of the group: whose sequence it is
INPUTS = {
    "Image": "NodeSocketColor",
    "Alpha": "NodeSocketFloat",
    "Depth": "NodeSocketFloat",
    "By Depth": "NodeSocketFloat",
}
OUTPUTS = {"Image": "NodeSocketColor", "Alpha": "NodeSocketFloat", "Depth": "NodeSocketFloat"}
KINDS = {"RGBA": "NodeSocketColor", "VALUE": "NodeSocketFloat", "VECTOR": "NodeSocketVector"}
COLOUR, DISTANCE = "Combined", "Depth"  # passes of layout Blender
FAR = 1e10  # metres; the depth of what is not there
SPACES = {  # of `Render.space`, as Blender calls them
    "lin_rec709_scene": "Linear Rec.709",
    "lin_ap1_scene": "ACEScg",
    "lin_ap0_scene": "ACES2065-1",
    "srgb_rec709_scene": "sRGB",
}


@dataclass(frozen=True)
class Sequence:
    """EXR files in layout Blender, one a frame of the scene, without a gap."""

    name: str  # of the head that it shows
    path: str  # of the first file
    first: int  # its frame
    count: int
    space: str  # a key of SPACES


def add_sequence(scene: bpy.types.Scene, sequence: Sequence) -> Any:
    """The node in the scene's compositor, in place of an older one of that name. Raises UserError."""
    tree = compositor_of(scene)
    is_new_tree = tree is None
    tree = tree or new_compositor(scene)
    if tree.library is not None:
        raise UserError(f"The compositor of {scene.name} is linked from another file; make it local first.")
    old = [node for node in inserted_groups(scene, PURPOSE) if node.node_tree[NAME] == sequence.name]
    group = _group(sequence)
    if old:
        for node in old:
            node.node_tree = _replaced(node, group)
        return old[0]
    node = _placed(tree, group)
    if is_new_tree or (MARK in tree and tree[MARK] == MADE):
        _show(scene, tree, node)
    return node


def _group(sequence: Sequence) -> bpy.types.NodeTree:
    image = bpy.data.images.load(sequence.path)
    image.source = "SEQUENCE"
    cast(Any, image.colorspace_settings).name = SPACES[sequence.space]
    group = cast(Any, new_group(f"{sequence.name} Sequence", PURPOSE, INPUTS, OUTPUTS))
    group[NAME] = sequence.name
    maths = NodeMath(group)
    start, end = maths.node("NodeGroupInput"), maths.node("NodeGroupOutput")
    node = cast(Any, maths.node("CompositorNodeImage"))
    node.image, node.use_auto_refresh, node.use_cyclic = image, True, False
    node.frame_start, node.frame_duration, node.frame_offset = sequence.first, sequence.count, sequence.first - 1
    passes = {socket.name: socket for socket in node.outputs}
    if COLOUR not in passes:
        bpy.data.node_groups.remove(group)
        bpy.data.images.remove(image)
        raise UserError(
            f"{sequence.path}: has no {COLOUR} in layout Blender; render with Beauty and layers of Blender."
        )
    _lay_over(maths, passes, start, end)
    for name, socket in passes.items():
        if name in (COLOUR, DISTANCE, "Alpha"):
            continue
        group.interface.new_socket(name, in_out="OUTPUT", socket_type=KINDS[socket.type])
        group.links.new(socket, end.inputs[name])
    for name, value in (("Depth", FAR), ("By Depth", 1.0), ("Alpha", 0.0)):
        _input(group, name).default_value = value
    _input(group, "By Depth").min_value, _input(group, "By Depth").max_value = 0.0, 1.0
    return group


def _lay_over(maths: NodeMath, passes: dict[str, Any], start: bpy.types.Node, end: bpy.types.Node) -> None:
    """The formula of over_by_depth; where By Depth is 0, the sequence is in front everywhere."""
    links, render = maths.tree.links, maths.channels("CompositorNodeSeparateColor", start.outputs["Image"])
    own = maths.channels("CompositorNodeSeparateColor", passes[COLOUR])
    alpha, depth = start.outputs["Alpha"], start.outputs["Depth"]
    distance = passes.get(DISTANCE)
    if distance is None:
        is_before: Any = 1.0
        nearest: Any = depth
    else:
        nearer = maths("LESS_THAN", distance, depth)
        is_before = maths("MAXIMUM", nearer, maths("SUBTRACT", 1.0, start.outputs["By Depth"]))
        nearest = maths("MINIMUM", depth, distance)
    of_own = maths("SUBTRACT", 1.0, maths("MULTIPLY", maths("SUBTRACT", 1.0, is_before), alpha))
    of_render = maths("SUBTRACT", 1.0, maths("MULTIPLY", is_before, own[3]))
    pairs = zip(own, [*render[:3], alpha])
    both = [maths("MULTIPLY_ADD", a, of_own, maths("MULTIPLY", b, of_render)) for a, b in pairs]
    links.new(maths.colour("CompositorNodeCombineColor", both), end.inputs["Image"])
    links.new(both[3], end.inputs["Alpha"])
    links.new(nearest, end.inputs["Depth"])


def _input(group: Any, name: str) -> Any:
    return next(item for item in group.interface.items_tree if item.in_out == "INPUT" and item.name == name)


def _placed(tree: Any, group: bpy.types.NodeTree) -> Any:
    """A node to the right of all others, in a frame of its own, selected."""
    right = max((node.location.x + node.width for node in tree.nodes), default=0.0)
    top = max((node.location.y for node in tree.nodes), default=0.0)
    for node in tree.nodes:
        node.select = False
    frame, node = tree.nodes.new("NodeFrame"), tree.nodes.new("CompositorNodeGroup")
    frame.label = group.name
    node.parent, node.node_tree, node.label, node.width = frame, group, group.name, 220
    node.location = right + 80, top
    node.select = True
    tree.nodes.active = node
    return node


def _replaced(node: Any, group: bpy.types.NodeTree) -> bpy.types.NodeTree:
    """The node's new group; links to sockets of equal names stay, which Blender drops when a group is exchanged."""
    tree, before = node.id_data, node.node_tree
    into = [(link.from_socket, link.to_socket.name) for socket in node.inputs for link in socket.links]
    out = [(link.from_socket.name, link.to_socket) for socket in node.outputs for link in socket.links]
    values = {
        socket.name: socket.default_value for socket in node.inputs if not socket.links and socket.type == "VALUE"
    }
    node.node_tree = group
    for source, name in into:
        tree.links.new(source, node.inputs[name])
    for name, target in out:
        if name in node.outputs:
            tree.links.new(node.outputs[name], target)
    for name, value in values.items():
        node.inputs[name].default_value = value
    images = [inner.image for inner in before.nodes if inner.type == "IMAGE"]
    if before.users == 0:
        bpy.data.node_groups.remove(before)
    for image in images:
        if image and image.users == 0:
            bpy.data.images.remove(image)
    return group


def _show(scene: bpy.types.Scene, tree: Any, node: Any) -> None:
    """In a compositor that we have made: the render goes through the node."""
    scene.render.use_compositing = True
    layer = next(item for item in tree.nodes if item.type == "R_LAYERS")
    scene.view_layers[layer.layer].use_pass_z = True
    end = next(item for item in tree.nodes if item.type in ("COMPOSITE", "GROUP_OUTPUT"))
    sources = {"Image": layer.outputs["Image"], "Alpha": layer.outputs["Alpha"], "Depth": layer.outputs.get("Depth")}
    if end.inputs[0].links:  # a sequence before this one
        previous = end.inputs[0].links[0].from_node
        sources = {name: previous.outputs.get(name) or source for name, source in sources.items()}
    for name, source in sources.items():
        if source is not None:
            tree.links.new(source, node.inputs[name])
    tree.links.new(node.outputs["Image"], end.inputs[0])
    end.location.x = node.location.x + node.width + 80
