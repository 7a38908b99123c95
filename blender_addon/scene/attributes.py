# SPDX-License-Identifier: GPL-3.0-or-later
"""One table: which column of a Gaussian becomes which attribute of a point cloud.

The names and meanings are those of Blender 5.3's native splats, so that a version which knows them
can draw the cloud itself: scale is linear sigma, rotation is wxyz, `radiance:base` is the SH DC term
with the opacity (0..1) as its fourth number, `radiance:sh_k` one higher coefficient each.
Letters: N points, K higher SH coefficients.
"""

from dataclasses import dataclass

import bpy
import numpy as np

from ...core.formats import Gaussians

# Attribute type -> (name of the value in `foreach_set`, numbers a point)
VALUES = {
    "FLOAT": ("value", 1),
    "FLOAT_VECTOR": ("vector", 3),
    "FLOAT_COLOR": ("color", 4),
    "FLOAT4": ("vector", 4),
    "QUATERNION": ("value", 4),
}

# What moves: pushed on every frame. Column of a replayed frame -> (attribute, type)
MOVING = {
    "means": ("position", "FLOAT_VECTOR"),
    "scales": ("scale", "FLOAT_VECTOR"),
    "quats": ("rotation", "QUATERNION"),
}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    values: np.ndarray  # [N] or [N,C]


def float4_type() -> str:
    """FLOAT4 where Blender has it (5.2), else the colour type of the same four floats."""
    new = bpy.types.AttributeGroupPointCloud.bl_rna.functions["new"]
    return "FLOAT4" if "FLOAT4" in new.parameters["type"].enum_items else "FLOAT_COLOR"


def moving_columns(frame) -> list[Column]:
    """The attributes of one moment, from anything with means [N,3], quats [N,4], scales [N,3]."""
    return [Column(name, kind, getattr(frame, field)) for field, (name, kind) in MOVING.items()]


def still_columns(gaussians: Gaussians) -> list[Column]:
    """What does not move: radiance, and the radius with which Blender draws points that are not splats."""
    base = np.concatenate([gaussians.sh0, gaussians.opacities[:, None]], axis=1)
    higher = [Column(f"radiance:sh_{k}", "FLOAT_VECTOR", gaussians.shN[:, k]) for k in range(gaussians.shN.shape[1])]
    # not in the paper: chosen because a disc of one mean sigma covers the skin without hiding its neighbours.
    radius = Column("radius", "FLOAT", np.cbrt(gaussians.scales.prod(axis=1)))
    return [Column("radiance:base", float4_type(), base), *higher, radius]


def write(cloud: bpy.types.PointCloud, column: Column) -> None:
    """Set one attribute of every point, making it when it is not there.

    `foreach_set` is fast for contiguous native float32 alone (a strided view costs a hundredfold).
    """
    attribute = cloud.attributes.get(column.name)
    if attribute is None or attribute.data_type != column.type:
        if attribute is not None:
            cloud.attributes.remove(attribute)
        attribute = cloud.attributes.new(column.name, column.type, "POINT")
    value, _ = VALUES[column.type]
    attribute.data.foreach_set(value, np.ascontiguousarray(column.values, dtype=np.float32).ravel())


def read(cloud: bpy.types.PointCloud, name: str) -> np.ndarray:
    """One attribute of every point, float32 [N] or [N,C]. Raises KeyError when it is not there."""
    attribute = cloud.attributes[name]
    value, width = VALUES[attribute.data_type]
    array = np.empty(len(cloud.points) * width, dtype=np.float32)
    attribute.data.foreach_get(value, array)
    return array if width == 1 else array.reshape(-1, width)
