# SPDX-License-Identifier: GPL-3.0-or-later
"""The pixel filter of a scene's own render, so that a head's edges are as soft as those of what stands beside it."""

import bpy

CYCLES = {"BOX": "box", "GAUSSIAN": "gaussian", "BLACKMAN_HARRIS": "blackman_harris"}


def pixel_filter_of(scene: bpy.types.Scene) -> dict:
    """`Render.pixel_filter` and `.filter_width`. EEVEE's is Blackman-Harris, as wide as Cycles' of that number."""
    # Without Cycles there is no such engine, and with it these settings.
    if scene.render.engine == "CYCLES" and (cycles := scene.cycles):
        return {"pixel_filter": CYCLES[cycles.pixel_filter_type], "filter_width": cycles.filter_width}
    return {"pixel_filter": "blackman_harris", "filter_width": max(scene.render.filter_size, 0.01)}
