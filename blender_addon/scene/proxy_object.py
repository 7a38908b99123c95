# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy mesh in Blender: a mesh with a shape key for each channel of the rig.

A key's value of 1 is 10 mm of its channel, because Blender takes values from -10 to 10: a channel may be -100 to
100 mm. In a session playback sets the values; in a saved file drivers do, which need neither the add-on nor Python:
`mm / 10` is an expression that Blender evaluates itself where scripts are not trusted.

Letters: V vertices, K channels.
"""

from collections.abc import Sequence
from typing import cast

import bpy
import numpy as np

from ...core.formats import QuadMesh
from .pose_channels import path_of_label

MILLIMETRES = 10.0  # of a channel, for a key's value of 1


def new_proxy_mesh(name: str, mesh: QuadMesh) -> bpy.types.Mesh:
    """The mesh at rest, smooth."""
    data = bpy.data.meshes.new(name)
    data.from_pydata(mesh.vertices.tolist(), [], mesh.quads.tolist())
    data.polygons.foreach_set("use_smooth", np.ones(len(data.polygons), bool))
    data.update()
    return data


def add_keys(obj: bpy.types.Object, labels: Sequence[str], moves: np.ndarray) -> None:
    """Give the object a shape key a channel, of that label; moves: [K,V,3] metres for a millimetre."""
    rest = np.empty(3 * moves.shape[1], np.float32)
    cast(bpy.types.Mesh, obj.data).vertices.foreach_get("co", rest)
    obj.shape_key_add(name="Basis", from_mix=False)
    for label, move in zip(labels, moves):
        key = obj.shape_key_add(name=label, from_mix=False)
        key.data.foreach_set("co", rest + np.float32(MILLIMETRES) * move.reshape(-1))
        key.slider_min, key.slider_max = -10.0, 10.0


def key_labels(obj: bpy.types.Object) -> list[str]:
    """The channels that move the mesh."""
    keys = cast(bpy.types.Mesh, obj.data).shape_keys
    return [key.name for key in keys.key_blocks[1:]] if keys else []


def set_pose(obj: bpy.types.Object, pose: np.ndarray) -> None:
    """Show a pose [K], mm, in the order of the keys."""
    keys = cast(bpy.types.Mesh, obj.data).shape_keys
    assert keys is not None
    values = np.clip(np.concatenate([[0.0], pose / MILLIMETRES]), -10.0, 10.0).astype(np.float32)
    keys.key_blocks.foreach_set("value", values)
    keys.update_tag()
    cast(bpy.types.Mesh, obj.data).update_tag()


def add_drivers(obj: bpy.types.Object, head: bpy.types.Object) -> None:
    """Let the head's custom properties set the values: what playback does, in a saved file."""
    remove_drivers(obj)
    keys = cast(bpy.types.Mesh, obj.data).shape_keys
    for key in keys.key_blocks[1:] if keys else ():
        driver = cast(bpy.types.Driver, cast(bpy.types.FCurve, key.driver_add("value")).driver)
        driver.type, driver.expression = "SCRIPTED", f"mm / {MILLIMETRES:g}"
        variable = driver.variables.new()
        variable.name, variable.type = "mm", "SINGLE_PROP"
        variable.targets[0].id = head
        variable.targets[0].data_path = path_of_label(key.name)


def has_drivers(obj: bpy.types.Object) -> bool:
    """Whether drivers set the keys' values."""
    keys = cast(bpy.types.Mesh, obj.data).shape_keys
    return bool(keys and keys.animation_data and len(keys.animation_data.drivers))


def remove_drivers(obj: bpy.types.Object) -> None:
    """Take the drivers of the keys' values away."""
    keys = cast(bpy.types.Mesh, obj.data).shape_keys
    for key in keys.key_blocks[1:] if keys and has_drivers(obj) else ():
        key.driver_remove("value")
