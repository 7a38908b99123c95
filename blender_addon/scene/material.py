# SPDX-License-Identifier: GPL-3.0-or-later
"""The material that shows a cloud's own colours where Blender does not draw splats natively.

The colour is the SH DC term alone: colour = C0 * sh0 + 0.5, display-referred, turned into
scene-linear light by the sRGB curve's usual stand-in, a power of 2.2. A preview; a render is exact.
"""

from itertools import pairwise
from typing import cast

import bpy

from ...core.formats import SH_C0
from .versions import use_nodes

NAME = "TalkSplat"
OUTPUTS = {"ShaderNodeAttribute": "Vector"}  # which output is linked, where it is not the first


def splat_material() -> bpy.types.Material:
    """The one material all heads share, made on first use."""
    material = bpy.data.materials.get(NAME)
    if material is None:
        material = bpy.data.materials.new(NAME)
        _connect_nodes(use_nodes(material))
        material.diffuse_color = (0.62, 0.42, 0.33, 1.0)
    return material


def _connect_nodes(tree: bpy.types.NodeTree) -> None:
    tree.nodes.clear()
    base = cast(bpy.types.ShaderNodeAttribute, tree.nodes.new("ShaderNodeAttribute"))
    base.attribute_name = "radiance:base"
    colour = cast(bpy.types.ShaderNodeVectorMath, tree.nodes.new("ShaderNodeVectorMath"))
    colour.operation = "MULTIPLY_ADD"
    _set_input(colour, 1, (SH_C0,) * 3)
    _set_input(colour, 2, (0.5,) * 3)
    positive = cast(bpy.types.ShaderNodeVectorMath, tree.nodes.new("ShaderNodeVectorMath"))
    positive.operation = "MAXIMUM"
    gamma = tree.nodes.new("ShaderNodeGamma")
    _set_input(gamma, "Gamma", 2.2)
    emission = tree.nodes.new("ShaderNodeEmission")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    nodes: list[bpy.types.Node] = [base, colour, positive, gamma, emission, output]
    for x, node in enumerate(nodes):
        node.location = (200 * x, 0)
    for node, following in pairwise(nodes):
        tree.links.new(node.outputs[OUTPUTS.get(node.bl_idname, 0)], following.inputs[0])


def _set_input(node: bpy.types.Node, key: int | str, value: float | tuple[float, ...]) -> None:
    setattr(node.inputs[key], "default_value", value)  # noqa: B010  (each kind of socket has its own)
