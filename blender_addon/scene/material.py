# SPDX-License-Identifier: GPL-3.0-or-later
"""The material that shows a cloud's own colours where Blender does not draw splats natively.

The colour is the SH DC term alone: colour = C0 * sh0 + 0.5, display-referred, turned into
scene-linear light by the sRGB curve's usual stand-in, a power of 2.2. A preview, not the plate.
"""

import bpy

from ...core.formats import SH_C0

NAME = "TalkSplat"


def splat_material() -> bpy.types.Material:
    """The one material all heads share, made on first use."""
    material = bpy.data.materials.get(NAME)
    if material is None:
        material = bpy.data.materials.new(NAME)
        if material.node_tree is None:
            material.use_nodes = True
        _wire(material.node_tree)
        material.diffuse_color = (0.62, 0.42, 0.33, 1.0)
    return material


def _wire(tree: bpy.types.NodeTree) -> None:
    tree.nodes.clear()
    base = tree.nodes.new("ShaderNodeAttribute")
    base.attribute_name = "radiance:base"
    colour = tree.nodes.new("ShaderNodeVectorMath")
    colour.operation = "MULTIPLY_ADD"
    colour.inputs[1].default_value = (SH_C0,) * 3
    colour.inputs[2].default_value = (0.5,) * 3
    positive = tree.nodes.new("ShaderNodeVectorMath")
    positive.operation = "MAXIMUM"
    gamma = tree.nodes.new("ShaderNodeGamma")
    gamma.inputs["Gamma"].default_value = 2.2
    light = tree.nodes.new("ShaderNodeEmission")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    for x, node in enumerate((base, colour, positive, gamma, light, output)):
        node.location = (200 * x, 0)
    tree.links.new(base.outputs["Vector"], colour.inputs[0])
    tree.links.new(colour.outputs["Vector"], positive.inputs[0])
    tree.links.new(positive.outputs["Vector"], gamma.inputs["Color"])
    tree.links.new(gamma.outputs["Color"], light.inputs["Color"])
    tree.links.new(light.outputs["Emission"], output.inputs["Surface"])
