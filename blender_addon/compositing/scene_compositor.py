# SPDX-License-Identifier: GPL-3.0-or-later
"""Node groups of ours in a scene's compositor, each directly behind a Render Layers node, and out again.

There a head is part of its view layer's picture: what the artist's own nodes do to that picture, they do to the head.
A group's sockets are named as those of the Render Layers node: an input takes the socket of its name, an output takes
over the links of it.

The stubs name each socket by a literal and let every member be None: what is Any below is that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import bpy

from ...core.formats import UserError
from ..scene.versions import has_compositor_groups

MARK = "talksplat"  # custom property of our node groups: what they are for; of a compositor: what we did to it
MADE, SWITCHED_ON = "made", "switched on"  # the latter before 5.0, where an artist's nodes may be off
ENDS = {"R_LAYERS", "COMPOSITE", "GROUP_OUTPUT"}  # the nodes of a compositor that does nothing


def compositor_of(scene: bpy.types.Scene) -> Any | None:
    """The scene's compositor nodes, None where there are none or they are off (a group of its own since 5.0)."""
    if has_compositor_groups():
        return cast(Any, scene).compositing_node_group
    return cast(Any, scene).node_tree if scene.use_nodes else None


def new_group(name: str, purpose: str, inputs: dict[str, str], outputs: dict[str, str]) -> bpy.types.NodeTree:
    """An empty node group of ours. inputs, outputs: name -> kind of socket, such as NodeSocketColor."""
    group = cast(Any, bpy.data.node_groups.new(name, cast(Any, "CompositorNodeTree")))
    group[MARK] = purpose
    for side, sockets in (("INPUT", inputs), ("OUTPUT", outputs)):
        for socket, kind in sockets.items():
            group.interface.new_socket(socket, in_out=side, socket_type=kind)
    return group


def inserted_groups(scene: bpy.types.Scene, purpose: str) -> Iterator[Any]:
    """The nodes in the scene's compositor that hold a group of ours for this purpose."""
    tree = compositor_of(scene)
    for node in list(tree.nodes) if tree else ():
        if isinstance(node, bpy.types.CompositorNodeGroup) and node.node_tree:
            if node.node_tree.get(MARK) == purpose:
                yield node


def insert_groups(scene: bpy.types.Scene, group_of: Callable[[bpy.types.ViewLayer], bpy.types.NodeTree | None]) -> None:
    """Put a group behind each Render Layers node of the scene whose view layer gets one; a scene without a compositor
    gets one. Raises UserError where there is nowhere to put it."""
    tree = compositor_of(scene) or new_compositor(scene)
    if tree.library is not None:
        raise UserError(f"The compositor of {scene.name} is linked from another file; make it local first.")
    scene.render.use_compositing = True
    layers = [node for node in tree.nodes if isinstance(node, bpy.types.CompositorNodeRLayers) and node.scene == scene]
    feeds = [(node, scene.view_layers[node.layer]) for node in layers if node.layer in scene.view_layers]
    made = [(node, group) for node, layer in feeds if (group := group_of(layer))]
    for node, group in made:
        _insert(node, group)
    if not made:
        _restore_compositor(scene)
        raise UserError(
            f"The compositor of {scene.name} has no Render Layers node of a view layer with a head; add one."
        )


def _insert(layer: Any, group: bpy.types.NodeTree) -> None:
    tree = layer.id_data
    node = tree.nodes.new("CompositorNodeGroup")
    node.node_tree, node.label = group, group.name
    node.location = (layer.location.x + layer.width + 40, layer.location.y)
    for output in node.outputs:
        _take_links(tree, layer.outputs[output.name], output)
    for socket in node.inputs:
        tree.links.new(layer.outputs[socket.name], socket)


def remove_groups(scene: bpy.types.Scene, purpose: str) -> None:
    """Take the groups of this purpose out; every link is as it was before, or as the artist has changed it since."""
    groups = {node.node_tree for node in inserted_groups(scene, purpose)}
    for node in inserted_groups(scene, purpose):
        for output in node.outputs:
            feed = node.inputs.get(output.name)
            if feed is not None and feed.links:
                _take_links(node.id_data, output, feed.links[0].from_socket)
        node.id_data.nodes.remove(node)
    for group in groups:
        if group is not None and group.users == 0:
            bpy.data.node_groups.remove(group)
    _restore_compositor(scene)


def _take_links(tree: Any, old: Any, new: Any) -> None:
    for target, is_muted in [(link.to_socket, link.is_muted) for link in old.links]:
        tree.links.new(new, target).is_muted = is_muted


def new_compositor(scene: bpy.types.Scene) -> Any:
    """Render Layers to the scene's picture, of the first view layer, as Blender makes it."""
    if has_compositor_groups():
        tree = cast(Any, bpy.data.node_groups.new(f"{scene.name} Compositing", cast(Any, "CompositorNodeTree")))
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        setattr(scene, "compositing_node_group", tree)  # noqa: B010  (the stubs know 5.0)
        output = tree.nodes.new("NodeGroupOutput")
    else:
        before = cast(Any, scene).node_tree
        is_artists = before is not None and len(before.nodes) > 0
        scene.use_nodes = True
        tree = cast(Any, scene).node_tree
        if is_artists:
            tree[MARK] = SWITCHED_ON
            return tree
        tree.nodes.clear()
        output = tree.nodes.new("CompositorNodeComposite")
    tree[MARK] = MADE
    layer = tree.nodes.new("CompositorNodeRLayers")
    layer.scene, layer.layer = scene, scene.view_layers[0].name
    output.location = (800, 0)
    tree.links.new(layer.outputs["Image"], output.inputs[0])
    return tree


def _restore_compositor(scene: bpy.types.Scene) -> None:
    """No compositor, where we made it and the artist has added nothing; off, where it was."""
    tree = compositor_of(scene)
    if tree is None or MARK not in tree:
        return
    if tree[MARK] == SWITCHED_ON:
        del tree[MARK]
        scene.use_nodes = False
    elif {node.type for node in tree.nodes} <= ENDS:
        _remove_compositor(scene, tree)


def _remove_compositor(scene: bpy.types.Scene, tree: Any) -> None:
    if has_compositor_groups():
        setattr(scene, "compositing_node_group", None)  # noqa: B010  (the stubs know 5.0)
        if tree.users == 0:
            bpy.data.node_groups.remove(tree)
        return
    tree.nodes.clear()
    del tree[MARK]
    scene.use_nodes = False
