# SPDX-License-Identifier: GPL-3.0-or-later
"""Three passes (AOVs) that a splat material writes beside its picture, for `exact_colour`. The picture stays as it is.

Each splat's scene-linear colour, its sRGB code, and 1: blended over the splats of a pixel as the render blends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import bpy

from .node_math import NodeMath
from .scene_compositor import MARK

LINEAR, CODE, ALPHA = "Splat Linear", "Splat sRGB", "Splat Alpha"
PASSES = {LINEAR: "COLOR", CODE: "COLOR", ALPHA: "VALUE"}
GROUP = "Splat Colour Passes"


def add_passes(layer: bpy.types.ViewLayer) -> None:
    """The view layer renders the three from now on."""
    there = {aov.name for aov in layer.aovs}
    for name, kind in PASSES.items():
        if name not in there:
            aov = cast(Any, layer.aovs.add())
            aov.name, aov.type = name, kind


def remove_passes(layer: bpy.types.ViewLayer) -> None:
    """And no more."""
    for aov in [aov for aov in layer.aovs if aov.name in PASSES]:
        layer.aovs.remove(aov)


def write_passes(materials: Iterable[bpy.types.Material]) -> bool:
    """Let the materials write the three, from what is linked to the colour of an Emission node; whether one does."""
    is_written = False
    for material in materials:
        tree = cast(Any, material.node_tree)
        nodes = list(tree.nodes) if tree and material.library is None else ()
        emission = next((node for node in nodes if node.type == "EMISSION" and node.inputs["Color"].links), None)
        if emission is not None and not any(_groups(material)):
            node = tree.nodes.new("ShaderNodeGroup")
            node.node_tree = _group()
            node.location = (emission.location.x, emission.location.y - 200)
            tree.links.new(emission.inputs["Color"].links[0].from_socket, node.inputs[0])
        is_written |= any(_groups(material))
    return is_written


def forget_passes(materials: Iterable[bpy.types.Material]) -> None:
    """Undo `write_passes`."""
    for material in materials:
        for node in list(_groups(material)):
            cast(Any, material.node_tree).nodes.remove(node)
    for group in [group for group in bpy.data.node_groups if group.get(MARK) == GROUP and group.users == 0]:
        bpy.data.node_groups.remove(group)


def _groups(material: bpy.types.Material) -> Iterator[Any]:
    for node in material.node_tree.nodes if material.node_tree else ():
        if isinstance(node, bpy.types.ShaderNodeGroup) and node.node_tree and node.node_tree.get(MARK) == GROUP:
            yield node


def _group() -> bpy.types.NodeTree:
    """One for all materials: a colour in, nothing out but the passes."""
    group = next((group for group in bpy.data.node_groups if group.get(MARK) == GROUP and not group.library), None)
    if group is not None:
        return group
    group = cast(Any, bpy.data.node_groups.new(GROUP, cast(Any, "ShaderNodeTree")))
    group[MARK] = GROUP
    group.interface.new_socket("Color", in_out="INPUT", socket_type="NodeSocketColor")
    maths = NodeMath(group)
    colour = maths.node("NodeGroupInput").outputs[0]
    light = [maths("MAXIMUM", channel, 0.0) for channel in maths.channels("ShaderNodeSeparateColor", colour)]
    codes = maths.colour("ShaderNodeCombineColor", [maths.srgb_encoded(channel) for channel in light])
    for name, socket, value in ((LINEAR, "Color", colour), (CODE, "Color", codes), (ALPHA, "Value", 1.0)):
        output = cast(Any, maths.node("ShaderNodeOutputAOV"))
        output.aov_name = name
        maths.put(value, output.inputs[socket])
    return group
