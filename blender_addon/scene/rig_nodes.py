# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig as Geometry Nodes: the same head as `RigReplay.posed`, in a Blender without the add-on and without Python.

The modifier's inputs are the channels, driven by the object's custom properties: drivers of one plain variable, which
run where scripts are not trusted. The moves lie in the cloud (`rig_attributes`) of a saved file alone: in a session
with the add-on they are absent and the modifier passes the cloud on, so that nothing is moved twice.
"""

from collections.abc import Sequence
from typing import Any, cast

import bpy

from ...core.formats import RigCard
from .pose_channels import label_of, path_of
from .rig_attributes import REGION, move_name
from .versions import modifier_input_path

NAME = "TalkSplat Rig"


def add_rig_modifier(obj: bpy.types.Object, card: RigCard) -> None:
    """Give the object the rig's modifier, in place of one that it has."""
    remove_rig_modifier(obj)
    modifier = cast(bpy.types.NodesModifier, obj.modifiers.new(NAME, "NODES"))
    modifier.show_expanded = False
    modifier.node_group = group = _Group(card).tree
    for channel, item in zip(card.channels, _inputs(group)):
        curve = cast(bpy.types.FCurve, obj.driver_add(modifier_input_path(modifier, item.identifier)))
        driver = cast(bpy.types.Driver, curve.driver)
        driver.type = "SUM"
        variable = driver.variables.new()
        variable.type = "SINGLE_PROP"
        variable.targets[0].id = obj
        variable.targets[0].data_path = path_of(channel)


def rig_modifier_of(obj: bpy.types.Object) -> bpy.types.NodesModifier | None:
    """The object's rig modifier, whatever its name is now."""
    modifiers = (modifier for modifier in obj.modifiers if isinstance(modifier, bpy.types.NodesModifier))
    return next((m for m in modifiers if m.node_group is not None and m.node_group.get(NAME)), None)


def labels_of(obj: bpy.types.Object) -> list[str]:
    """The channels that the object's rig modifier reads, as an animator knows them; [] without one."""
    modifier = rig_modifier_of(obj)
    return [item.name for item in _inputs(modifier.node_group)] if modifier and modifier.node_group else []


def remove_rig_modifier(obj: bpy.types.Object) -> None:
    """Take the modifier, its drivers and its node group away."""
    modifier, animation = rig_modifier_of(obj), obj.animation_data
    if modifier is None:
        return
    group, start = modifier.node_group, f'modifiers["{bpy.utils.escape_identifier(modifier.name)}"]'
    for driver in [d for d in animation.drivers if d.data_path.startswith(start)] if animation else ():
        obj.driver_remove(driver.data_path)
    obj.modifiers.remove(modifier)
    if group is not None and group.users == 0:
        bpy.data.node_groups.remove(group)


def _inputs(group: bpy.types.NodeTree) -> list[Any]:
    """The group's inputs behind the geometry."""
    items = cast(Any, group.interface).items_tree
    return [item for item in items if item.in_out == "INPUT"][1:]


class _Group:
    """The node group while it is made. A socket is a node's output."""

    def __init__(self, card: RigCard) -> None:
        self.tree = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
        self.tree[NAME] = True
        self.x = 0
        interface = cast(Any, self.tree.interface)
        interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
        for channel in card.channels:
            interface.new_socket(label_of(channel), in_out="INPUT", socket_type="NodeSocketFloat")
        interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
        self.inputs = self.tree.nodes.new("NodeGroupInput").outputs
        cloud = posed = self.inputs[0]
        for number, region in enumerate(card.regions, 1):
            posed = self._posed(posed, number, [self.inputs[1 + row] for row in card.rows_of(region)])
        # Without the moves nothing is evaluated: in a session with the add-on the modifier costs nothing.
        has_moves = self._attribute(REGION).node.outputs["Exists"]
        has_moves = self._node("GeometryNodeSampleIndex", cloud, has_moves, 0, data_type="BOOLEAN")
        switch = self._node("GeometryNodeSwitch", has_moves, cloud, posed, input_type="GEOMETRY")
        self._node("NodeGroupOutput", switch)

    def _posed(self, cloud: Any, number: int, channels: Sequence[Any]) -> Any:
        """The cloud with one region in its pose."""
        is_in = self._node("FunctionNodeCompare", self._attribute(REGION), float(number), data_type="FLOAT")
        is_in.node.operation, is_in.node.inputs["Epsilon"].default_value = "EQUAL", 0.5
        turn = self._node("ShaderNodeSeparateXYZ", self._sum("rotation", channels)).node.outputs
        turn = self._node("FunctionNodeQuaternionToRotation", 1.0, *turn)  # 1 + the Gibbs vector, made unit
        rotation = self._node("FunctionNodeRotateRotation", self._attribute("rotation", "QUATERNION"), turn)
        rotation.node.rotation_space = "LOCAL"
        logs = self._node("ShaderNodeSeparateXYZ", self._sum("scale", channels)).node.outputs
        ratio = self._node(
            "ShaderNodeCombineXYZ", *(self._node("ShaderNodeMath", log, operation="EXPONENT") for log in logs)
        )
        scale = self._vector("MULTIPLY", self._attribute("scale", "FLOAT_VECTOR"), ratio)
        moved = self._node("GeometryNodeSetPosition", cloud, is_in, None, self._sum("position", channels))
        turned = self._stored(moved, is_in, "rotation", "QUATERNION", rotation)
        return self._stored(turned, is_in, "scale", "FLOAT_VECTOR", scale)

    def _sum(self, kind: str, channels: Sequence[Any]) -> Any:
        """What all the channels do together."""
        total = None
        for slot, channel in enumerate(channels):
            move = self._attribute(move_name(kind, slot), "FLOAT_VECTOR")
            operands = (move, channel) if total is None else (move, channel, total)
            total = self._vector("MULTIPLY" if total is None else "MULTIPLY_ADD", *operands)
        return total

    def _vector(self, operation: str, *operands: Any) -> Any:
        return self._node("ShaderNodeVectorMath", *operands, operation=operation)

    def _attribute(self, name: str, kind: str = "FLOAT") -> Any:
        socket = self._node("GeometryNodeInputNamedAttribute", name, data_type=kind)
        return next(output for output in socket.node.outputs if output.enabled)

    def _stored(self, cloud: Any, selection: Any, name: str, kind: str, value: Any) -> Any:
        return self._node("GeometryNodeStoreNamedAttribute", cloud, selection, name, value, data_type=kind)

    def _node(self, kind: str, *operands: Any, **settings: Any) -> Any:
        """A node's first output. operands: a socket each, a value, or None for what the node has."""
        node: Any = self.tree.nodes.new(kind)
        node.location, self.x = (self.x, 0), self.x + 20
        for name, value in settings.items():
            setattr(node, name, value)
        for socket, operand in zip([s for s in node.inputs if s.enabled], operands):
            if isinstance(operand, bpy.types.NodeSocket):
                self.tree.links.new(operand, socket)
            elif operand is not None:
                setattr(socket, "default_value", operand)  # noqa: B010  (each kind of socket has its own)
        return node.outputs[0] if node.outputs else None
