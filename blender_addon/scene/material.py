# SPDX-License-Identifier: GPL-3.0-or-later
"""The material that shows a cloud's own colours, in every Blender and without the add-on.

Where Blender knows splats (5.3), its attribute `radiance` is the evaluated SH as scene-linear light. Where it does not,
that attribute reads as black, and the nodes take the SH DC term instead: colour = C0 * sh0 + 0.5, display-referred,
turned into light by the sRGB curve's usual stand-in, a power of 2.2.
"""

from typing import Any

import bpy

from ...core.formats import SH_C0
from .versions import use_nodes

NAME = "TalkSplat"
NAMES = {"display": NAME, "linear": f"{NAME} Linear"}  # by a head's blend: Exact Colour is for the first alone
WHITE = (1.0, 1.0, 1.0, 1.0)  # in the viewport: Solid multiplies splats by this colour
BEFORE_5_3 = [  # the nodes of this material as talksplat before 0.3 made it
    "ShaderNodeAttribute",
    "ShaderNodeVectorMath",
    "ShaderNodeVectorMath",
    "ShaderNodeGamma",
    "ShaderNodeEmission",
    "ShaderNodeOutputMaterial",
]


def splat_material(blend: str) -> bpy.types.Material:
    """The material that all heads of one blend share, made on first use. blend: of BLENDS."""
    name = NAMES[blend]
    material = next((m for m in bpy.data.materials if m.name == name and m.library is None), None)
    if material is None:
        material = bpy.data.materials.new(name)
        _connect_nodes(use_nodes(material))
        material.diffuse_color = WHITE
    return material


def migrate_materials() -> None:
    """Bring the materials of older files up to date; one that an artist has changed stays."""
    for material in bpy.data.materials:
        is_ours = material.name.split(".")[0] == NAME and material.library is None and material.node_tree
        if is_ours and [node.bl_idname for node in use_nodes(material).nodes] == BEFORE_5_3:
            _connect_nodes(use_nodes(material))
            material.diffuse_color = WHITE


def _connect_nodes(tree: bpy.types.ShaderNodeTree) -> None:
    tree.nodes.clear()
    base = _node(tree, "ShaderNodeAttribute", attribute_name="radiance:base").node.outputs["Vector"]
    colour = _node(tree, "ShaderNodeVectorMath", base, (SH_C0,) * 3, (0.5,) * 3, operation="MULTIPLY_ADD")
    colour = _node(tree, "ShaderNodeVectorMath", colour, operation="MAXIMUM")
    colour = _node(tree, "ShaderNodeGamma", colour, 2.2)
    radiance = _node(tree, "ShaderNodeAttribute", attribute_name="radiance").node.outputs
    is_known = _node(tree, "ShaderNodeMath", radiance[2], 0.0, operation="GREATER_THAN")  # of the mean of its channels
    light = _node(tree, "ShaderNodeMix", is_known, colour, radiance["Color"], data_type="VECTOR", clamp_factor=False)
    _node(tree, "ShaderNodeOutputMaterial", _node(tree, "ShaderNodeEmission", light))


def _node(tree: bpy.types.ShaderNodeTree, kind: str, *operands: Any, **settings: Any) -> Any:
    """A node's first output in use. operands: a socket each, or a value."""
    node: Any = tree.nodes.new(kind)
    node.location = (200 * len(tree.nodes), 0)
    for name, value in settings.items():
        setattr(node, name, value)
    for socket, operand in zip([s for s in node.inputs if s.enabled], operands):
        if isinstance(operand, bpy.types.NodeSocket):
            tree.links.new(operand, socket)
        else:
            setattr(socket, "default_value", operand)  # noqa: B010  (each kind of socket has its own)
    return next((output for output in node.outputs if output.enabled), None)
