# SPDX-License-Identifier: GPL-3.0-or-later
"""Point clouds that hold a head: made at the right size, filled once, moved on every frame.

It does not know where the Gaussians come from.
"""

import bpy

from ...core.formats import Gaussians
from .attributes import moving_columns, still_columns, write
from .material import splat_material


def new_cloud(name: str, count: int) -> bpy.types.PointCloud:
    """A point-cloud datablock of `count` points, in whichever way this Blender can make one.

    Always a new datablock: growing an old one that carries attributes corrupts memory in 5.1.
    """
    if "resize" in bpy.types.PointCloud.bl_rna.functions:
        cloud = bpy.data.pointclouds.new(name)
        cloud.resize(count)
        return cloud
    return _converted_cloud(name, count)


def fill(cloud: bpy.types.PointCloud, gaussians: Gaussians) -> None:
    """Everything about a head at rest: radiance, place, shape, material, and the splat type where known."""
    for column in [*still_columns(gaussians), *moving_columns(gaussians)]:
        write(cloud, column)
    _become_splats(cloud)
    if not cloud.materials:
        cloud.materials.append(splat_material())
    cloud.update_tag()


def push(cloud: bpy.types.PointCloud, frame) -> None:
    """One moment: means [N,3], quats [N,4], scales [N,3]; N must be the cloud's own."""
    for column in moving_columns(frame):
        write(cloud, column)
    cloud.update_tag()


def _become_splats(cloud: bpy.types.PointCloud) -> None:
    """Blender 5.3 draws point clouds of the splat type natively; older ones do not have the property."""
    kind = cloud.bl_rna.properties.get("type")
    if kind is not None and kind.type == "ENUM":
        splats = [item.identifier for item in kind.enum_items if "SPLAT" in item.identifier.upper()]
        if splats:
            cloud.type = splats[0]


def _converted_cloud(name: str, count: int) -> bpy.types.PointCloud:
    """Blender 4.5 and 5.0 make point clouds only by converting a mesh."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(count)
    body = bpy.data.objects.new(name, mesh)
    scene = bpy.context.scene
    scene.collection.objects.link(body)
    bpy.context.view_layer.update()
    chosen = [body]
    with bpy.context.temp_override(
        object=body, active_object=body, selected_objects=chosen, selected_editable_objects=chosen
    ):
        bpy.ops.object.convert(target="POINTCLOUD")
    cloud = body.data
    bpy.data.objects.remove(body)
    if mesh.users == 0:
        bpy.data.meshes.remove(mesh)
    cloud.name = name
    for attribute in [a.name for a in cloud.attributes if a.name not in ("position", "radius")]:
        cloud.attributes.remove(cloud.attributes[attribute])
    return cloud
