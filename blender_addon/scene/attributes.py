# SPDX-License-Identifier: GPL-3.0-or-later
"""One table: which column of a Gaussian becomes which attribute of a point cloud.

The names and meanings are those of Blender 5.3's native splats, so that a version which knows them
can draw the cloud itself: scale is linear sigma, rotation is wxyz, `radiance:base` is the SH DC term
with the opacity (0..1) as its fourth number, `radiance:sh_k` one higher coefficient each.
Letters: N points, K higher SH coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from ...core.formats import Gaussians
from ...core.performance import Frame
from .versions import float4_type

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import AttributeTypeItems

# Attribute type -> the name of its value in `foreach_set`
VALUE_NAMES = {
    "FLOAT": "value",
    "FLOAT_VECTOR": "vector",
    "FLOAT_COLOR": "color",
    "FLOAT4": "vector",
    "QUATERNION": "value",
}

# What moves: pushed on every frame. Column of a frame -> (attribute, type)
MOVING: dict[str, tuple[str, AttributeTypeItems]] = {
    "means": ("position", "FLOAT_VECTOR"),
    "scales": ("scale", "FLOAT_VECTOR"),
    "quats": ("rotation", "QUATERNION"),
}


@dataclass(frozen=True)
class AttributeColumn:
    """One attribute of every point."""

    name: str
    type: AttributeTypeItems
    values: np.ndarray  # [N] or [N,C]


def moving_columns(frame: Frame | Gaussians) -> list[AttributeColumn]:
    """The attributes of one moment."""
    return [AttributeColumn(name, kind, getattr(frame, field)) for field, (name, kind) in MOVING.items()]


def still_columns(gaussians: Gaussians) -> list[AttributeColumn]:
    """What does not move: radiance, and the radius of points that are not splats."""
    base = np.concatenate([gaussians.sh0, gaussians.opacities[:, None]], axis=1)
    higher = [
        AttributeColumn(f"radiance:sh_{k}", "FLOAT_VECTOR", gaussians.shN[:, k]) for k in range(gaussians.shN.shape[1])
    ]
    # A Blender that knows no splats draws a bead of this radius for each point, in F12 and in viewport renders: a point
    # of no size is not drawn, and nothing is better than a wrong picture. Native splats ignore it.
    radius = AttributeColumn("radius", "FLOAT", np.zeros(len(gaussians.means), np.float32))
    return [AttributeColumn("radiance:base", float4_type(), base), *higher, radius]


def write_attribute(cloud: bpy.types.PointCloud, column: AttributeColumn) -> None:
    """Set one attribute of every point, making it when it is missing.

    `foreach_set` is fast for contiguous native float32 alone (a strided view costs a hundredfold).
    """
    attribute = cloud.attributes.get(column.name)
    if attribute is None or attribute.data_type != column.type:
        if attribute is not None:
            cloud.attributes.remove(attribute)
        attribute = cloud.attributes.new(column.name, column.type, "POINT")
    values = np.ascontiguousarray(column.values, dtype=np.float32)
    _data_of(attribute).foreach_set(VALUE_NAMES[column.type], values.ravel())


def _data_of(attribute: bpy.types.Attribute) -> bpy.types.bpy_prop_collection[Any]:
    return attribute.data  # pyright: ignore[reportAttributeAccessIssue]  (each kind of attribute has its own)
