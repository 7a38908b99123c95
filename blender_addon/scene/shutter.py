# SPDX-License-Identifier: GPL-3.0-or-later
"""The shutter of a scene's own render, so that a head is blurred as what stands beside it."""

import bpy

from ...core.jobs import SHUTTER_POSITIONS

CURVE_SAMPLES = 256  # of the shutter curve, as many as Cycles takes
POSITIONS = {name.upper(): name for name in SHUTTER_POSITIONS}  # Blender's name -> ours


def shutter_of(scene: bpy.types.Scene) -> dict:
    """`Render.shutter`, `.shutter_position` and `.shutter_curve`, with `motion_blur` on; {} where the scene has motion
    blur off."""
    render = scene.render
    if not render.use_motion_blur:
        return {}
    return {
        "motion_blur": True,
        "shutter": render.motion_blur_shutter,
        "shutter_position": POSITIONS[render.motion_blur_position],
        "shutter_curve": _table(render.motion_blur_shutter_curve),
    }


def _table(mapping: bpy.types.CurveMapping | None) -> tuple[float, ...]:
    """The curve, evenly from the opening to the closing; () where it is level."""
    assert mapping is not None  # every scene has one
    mapping.initialize()
    curve, last = mapping.curves[0], CURVE_SAMPLES - 1
    values = tuple(max(mapping.evaluate(curve, i / last), 0.0) for i in range(CURVE_SAMPLES))
    return () if len(set(values)) == 1 else values
