# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact Colour: in the compositor each splat's light goes out of the picture, and the light of its code comes in.

Heads are trained with sRGB codes blended, Blender blends light, which greys the edges of teeth and lashes. With the
passes of `colour_passes`, w the weight of a splat in a pixel, c its colour in light and e(c) as a code:

    picture' = picture - sum w c + alpha d( sum w e(c) / alpha ),    alpha = sum w,  d the inverse of e

The three sums are of the same samples as the picture, so that depth of field, motion blur, hold-outs and whatever
stands before or behind are right without a second render. Not in the paper: chosen because a view layer of its own,
with hold-outs, renders everything twice.
"""

from __future__ import annotations

import bpy

from .colour_passes import ALPHA, CODE, LINEAR, PASSES
from .node_math import NodeMath, Value
from .scene_compositor import new_group

PURPOSE = "exact colour"
KINDS = {"COLOR": "NodeSocketColor", "VALUE": "NodeSocketFloat"}


def exact_colour(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """A node group with the sockets Image and the three passes in, Image out, for the scene's engine."""
    image = {"Image": "NodeSocketColor"}
    group = new_group("Exact Colour", PURPOSE, image | {name: KINDS[kind] for name, kind in PASSES.items()}, image)
    maths = NodeMath(group)
    start, end = maths.node("NodeGroupInput"), maths.node("NodeGroupOutput")
    picture, light, codes = (
        maths.channels("CompositorNodeSeparateColor", start.outputs[name]) for name in ("Image", LINEAR, CODE)
    )
    alpha = start.outputs[ALPHA]
    exposure = _exposure(maths, scene)
    cured = []
    for shown, wrong, code in zip(picture[:3], light, codes):
        exact = maths("MULTIPLY", maths.srgb_decoded(maths("DIVIDE", code, alpha)), alpha)
        cured.append(maths("MULTIPLY_ADD", maths("SUBTRACT", exact, wrong), exposure, shown))
    group.links.new(maths.colour("CompositorNodeCombineColor", [*cured, picture[3]]), end.inputs[0])
    return group


def _exposure(maths: NodeMath, scene: bpy.types.Scene) -> Value:
    """What the engine multiplies the picture by and not the passes: the exposure of Cycles' film."""
    return maths.followed(scene, "cycles.film_exposure") if scene.render.engine == "CYCLES" else 1.0
