# SPDX-License-Identifier: GPL-3.0-or-later
"""Point clouds that hold a head: made at the right size, filled once, moved on every frame.

It does not know where the Gaussians come from.
"""

import bpy
import numpy as np

from ...core.formats import Gaussians
from ...core.performance import Frame
from ..blender_types import cloud_of, current_context
from .attributes import moving_columns, still_columns, write_attribute
from .material import splat_material
from .versions import can_resize_clouds, set_splat_type

BUILT_IN = {"position", "radius"}  # attributes that every cloud has


def new_cloud(name: str, means: np.ndarray) -> bpy.types.PointCloud:
    """A point-cloud datablock of these points, [N,3] metres, in whichever way this Blender can make one.

    Always a new datablock: growing an old one that carries attributes corrupts memory in 5.1.
    """
    if can_resize_clouds():
        cloud = bpy.data.pointclouds.new(name)
        cloud.resize(len(means))  # pyright: ignore[reportAttributeAccessIssue]  (the stubs know 5.0)
        return cloud
    return _converted_cloud(name, means)


def fill(cloud: bpy.types.PointCloud, gaussians: Gaussians, blend: str) -> None:
    """Everything about a head at rest: radiance, position, shape, material, and the splat type where known. blend: of
    BLENDS, which the material is for."""
    for column in [*still_columns(gaussians), *moving_columns(gaussians)]:
        write_attribute(cloud, column)
    set_splat_type(cloud)
    if not cloud.materials:
        cloud.materials.append(splat_material(blend))
    cloud.update_tag()


def push(cloud: bpy.types.PointCloud, frame: Frame) -> None:
    """Show one moment; it must have as many Gaussians as the cloud has points."""
    for column in moving_columns(frame):
        write_attribute(cloud, column)
    cloud.update_tag()


def _converted_cloud(name: str, means: np.ndarray) -> bpy.types.PointCloud:
    """Blender 4.5 and 5.0 make point clouds only by converting a mesh, whose bounds the cloud keeps for ever."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(means))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(means, np.float32).reshape(-1))
    obj = bpy.data.objects.new(name, mesh)
    current_context().scene.collection.objects.link(obj)
    current_context().view_layer.update()
    selected = [obj]
    with bpy.context.temp_override(
        object=obj, active_object=obj, selected_objects=selected, selected_editable_objects=selected
    ):
        bpy.ops.object.convert(target="POINTCLOUD")
    cloud = cloud_of(obj)
    bpy.data.objects.remove(obj)
    if mesh.users == 0:
        bpy.data.meshes.remove(mesh)
    cloud.name = name
    for attribute in [a.name for a in cloud.attributes if a.name not in BUILT_IN]:
        cloud.attributes.remove(cloud.attributes[attribute])
    return cloud
