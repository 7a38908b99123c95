# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cloud needs to stand in a .blend by itself: a marker that says so, and points that can be seen before 5.3.

A marker is an attribute, which the node groups of `rig_nodes` and `stored_frames` ask for: in a session the clouds have
none, and the groups pass them on, so that nothing is moved twice. Letters: N Gaussians.
"""

import bpy
import numpy as np

from ...core.formats import SH_COEFFICIENTS, Gaussians
from .attributes import AttributeColumn, write_attribute
from .rig_attributes import REGION

FRAMES = "frames:stored"  # the marker of a cloud whose frames are in the file; of a rig's moves it is REGION
MOVING_BYTES, STILL_BYTES = 40, 20  # a Gaussian: position, rotation, scale; radiance's first band, opacity and radius
SH = "radiance:sh_"  # begins the attributes of the colour that depends on the direction of view


def is_stored(cloud: bpy.types.PointCloud) -> bool:
    """Whether the cloud is a saved file's, which plays by itself."""
    return REGION in cloud.attributes or FRAMES in cloud.attributes


def mark_frames(cloud: bpy.types.PointCloud) -> None:
    """Say that the frames of the cloud are in the file."""
    write_attribute(cloud, AttributeColumn(FRAMES, "FLOAT", np.ones(len(cloud.points), np.float32)))


def show_points(cloud: bpy.types.PointCloud, gaussians: Gaussians | None) -> None:
    """Give the points a size, for a Blender that draws no splats: 1.5 times a Gaussian's middle sigma, at most
    three times the median of those, times its opacity (not in the paper: chosen by its looks; skin is then closed, and
    neither the large Gaussians of hair and cloth nor the faint ones cover what is behind them). None: no size."""
    radius = np.zeros(len(cloud.points), np.float32)
    if gaussians is not None:
        middle = np.median(gaussians.scales, axis=1)
        radius = 1.5 * np.minimum(middle, 2 * np.median(middle)) * gaussians.opacities
    write_attribute(cloud, AttributeColumn("radius", "FLOAT", radius))


def remove_side_colour(cloud: bpy.types.PointCloud) -> None:
    """Take the colour that depends on the direction of view away."""
    for name in [a.name for a in cloud.attributes if a.name.startswith(SH)]:
        cloud.attributes.remove(cloud.attributes[name])


def still_bytes(count: int, degree: int, has_side_colour: bool) -> int:
    """The size of what does not move, of `count` Gaussians of an SH degree."""
    return count * (STILL_BYTES + 12 * SH_COEFFICIENTS[degree] * has_side_colour)
