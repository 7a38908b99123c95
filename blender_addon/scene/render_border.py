# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's render region: the part of the picture that a render fills, or is cut to."""

from dataclasses import replace

import bpy

from ...core.formats import Camera


def within_border(camera: Camera, render: bpy.types.RenderSettings) -> tuple[Camera, tuple[int, ...]]:
    """The camera of the picture that Blender renders, and the part of it that is not empty (`Render.region`): a render
    region is cut out where Crop to Render Region is on."""
    if not render.use_border:
        return camera, ()
    left, right = (int(side * camera.width) for side in (render.border_min_x, render.border_max_x))
    bottom, top = (int(side * camera.height) for side in (render.border_min_y, render.border_max_y))
    if not render.use_crop_to_border:
        return camera, (left, camera.height - top, right, camera.height - bottom)
    cx, cy = camera.cx - left, camera.cy - (camera.height - top)
    return replace(camera, width=right - left, height=top - bottom, cx=cx, cy=cy), ()
