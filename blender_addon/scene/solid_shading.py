# SPDX-License-Identifier: GPL-3.0-or-later
"""3D views in Solid: lit by Studio light or a MatCap, Blender's own splats (5.3) are far too dark; Flat light shows
their colours as they are, whatever the scene's view transform."""

from collections.abc import Iterator

import bpy

from .versions import draws_splats


def dark_views() -> list[bpy.types.View3DShading]:
    """The shading of each 3D view that would change splats' colours in Solid; [] where Blender draws none itself."""
    return [s for s in _shadings() if (s.light, s.color_type) != ("FLAT", "MATERIAL")] if draws_splats() else []


def use_true_colours() -> None:
    """Flat light and the materials' colours in Solid, in every 3D view of the file."""
    for shading in dark_views():
        shading.light, shading.color_type = "FLAT", "MATERIAL"


def _shadings() -> Iterator[bpy.types.View3DShading]:
    for screen in bpy.data.screens:
        for area in screen.areas:
            for space in area.spaces:
                if isinstance(space, bpy.types.SpaceView3D):
                    yield space.shading
