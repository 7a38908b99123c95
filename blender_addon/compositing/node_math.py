# SPDX-License-Identifier: GPL-3.0-or-later
"""Formulas as Math nodes, which materials and compositors of all Blenders from 4.5 on have under one name."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import bpy

Value: TypeAlias = "bpy.types.NodeSocket | float"
ROWS = 8  # nodes above each other in the editor
SRGB_LINEAR_END, SRGB_SLOPE, SRGB_OFFSET, SRGB_POWER = 0.0031308, 12.92, 0.055, 2.4  # IEC 61966-2-1
SRGB_CODE_END = SRGB_LINEAR_END * SRGB_SLOPE


class NodeMath:
    """Adds nodes to a tree; each method returns the socket of its result."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def node(self, kind: str) -> bpy.types.Node:
        """A new node, beside those before."""
        count = len(self.tree.nodes)
        node = self.tree.nodes.new(kind)
        node.location = (180 * (count // ROWS), -180 * (count % ROWS))
        return node

    def __call__(self, operation: str, *values: Value) -> bpy.types.NodeSocket:
        """A Math node: `operation` is its name in Python, such as MULTIPLY_ADD."""
        node = cast(Any, self.node("ShaderNodeMath"))  # the stubs list the operations
        node.operation = operation
        for socket, value in zip(node.inputs, values):
            self.put(value, socket)
        return node.outputs[0]

    def put(self, value: Value, socket: bpy.types.NodeSocket) -> None:
        """A number into a socket, or a link."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            setattr(socket, "default_value", value)  # noqa: B010  (each kind of socket has its own)

    def followed(self, owner: bpy.types.ID, path: str) -> bpy.types.NodeSocket:
        """The value of a property of `owner`, by a driver without an expression."""
        node = cast(Any, self.node("ShaderNodeMath"))  # adds nothing to it
        node.inputs[1].default_value = 0.0
        driver = node.inputs[0].driver_add("default_value").driver
        driver.type = "SUM"
        target = driver.variables.new().targets[0]
        target.id_type = owner.id_type
        target.id, target.data_path = owner, path
        return node.outputs[0]

    def channels(self, kind: str, colour: bpy.types.NodeSocket) -> list[bpy.types.NodeSocket]:
        """What a Separate Color node of this kind makes of a colour: red, green, blue and, in a compositor, alpha."""
        node = self.node(kind)
        self.tree.links.new(colour, node.inputs[0])
        return list(node.outputs)

    def colour(self, kind: str, channels: list[bpy.types.NodeSocket]) -> bpy.types.NodeSocket:
        """Channels as a colour again."""
        node = self.node(kind)
        for channel, socket in zip(channels, node.inputs):
            self.tree.links.new(channel, socket)
        return node.outputs[0]

    def srgb_encoded(self, light: Value) -> bpy.types.NodeSocket:
        """The sRGB code of scene-linear light of 0 and more, above 1 as below."""
        curve = self("POWER", light, 1 / SRGB_POWER)
        curve = self("MULTIPLY_ADD", curve, 1 + SRGB_OFFSET, -SRGB_OFFSET)
        return self._either(self("GREATER_THAN", light, SRGB_LINEAR_END), curve, self("MULTIPLY", light, SRGB_SLOPE))

    def srgb_decoded(self, code: Value) -> bpy.types.NodeSocket:
        """Scene-linear light of an sRGB code of 0 and more: the inverse of `srgb_encoded`."""
        curve = self("MULTIPLY_ADD", code, 1 / (1 + SRGB_OFFSET), SRGB_OFFSET / (1 + SRGB_OFFSET))
        curve = self("POWER", curve, SRGB_POWER)
        return self._either(self("GREATER_THAN", code, SRGB_CODE_END), curve, self("DIVIDE", code, SRGB_SLOPE))

    def _either(self, condition: Value, yes: Value, no: Value) -> bpy.types.NodeSocket:
        """`yes` where the condition is 1, `no` where it is 0."""
        return self("MULTIPLY_ADD", condition, self("SUBTRACT", yes, no), no)
