# SPDX-License-Identifier: GPL-3.0-or-later
"""A node group that lays pictures over a render, or behind what is nearer: each picture has colour, alpha and depth.

    m  = 1 where the picture is nearer than the render, else 0
    C  = (1 - m A) R + (1 - (1 - m) a) P          the nearer one over the other, both premultiplied, scene-linear

R, a: colour and alpha of the render; P, A: of the picture. The source: Porter and Duff 1984, "over". A pixel has one
depth: at the edge of a mesh before the head the render's own background shows through, unless the film is transparent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, NamedTuple, cast

import bpy

from .node_math import NodeMath
from .scene_compositor import new_group

PURPOSE = "heads over the render"
SOCKETS = {"Image": "NodeSocketColor", "Alpha": "NodeSocketFloat", "Depth": "NodeSocketFloat"}
FAR = 1e10  # metres; the depth of what is not there
EARLIEST = -500_000  # the scene frame at which a sequence of pictures begins for Blender
LONGEST = 1_000_000  # frames; Blender allows a few more


class Picture(NamedTuple):
    """An image sequence whose files are numbered as the scene's frames."""

    owners: tuple[bpy.types.Object, ...]  # where one is hidden in renders, its picture is, too
    colour: bpy.types.Image  # premultiplied, scene-linear Rec.709
    depth: bpy.types.Image  # metres along the camera's axis, grey


def over_by_depth(name: str, pictures: Sequence[Picture]) -> bpy.types.NodeTree:
    """A node group with the sockets Image, Alpha and Depth in and out."""
    group = new_group(name, PURPOSE, SOCKETS, SOCKETS)
    maths = NodeMath(group)
    start, end = maths.node("NodeGroupInput"), maths.node("NodeGroupOutput")
    channels = maths.channels("CompositorNodeSeparateColor", start.outputs["Image"])
    depth = start.outputs["Depth"]
    for picture in pictures:
        channels, depth = _over(maths, picture, channels, depth)
    for socket, value in zip(end.inputs, (maths.colour("CompositorNodeCombineColor", channels), channels[3], depth)):
        group.links.new(value, socket)
    return group


def _over(
    maths: NodeMath,
    picture: Picture,
    render: list[bpy.types.NodeSocket],
    depth: bpy.types.NodeSocket,
) -> tuple[list[bpy.types.NodeSocket], bpy.types.NodeSocket]:
    shown = _shown(maths, picture.owners)
    own = maths.channels("CompositorNodeSeparateColor", _image(maths, picture.colour))
    distance = maths.channels("CompositorNodeSeparateColor", _image(maths, picture.depth))[0]
    is_missing = maths("LESS_THAN", distance, 1e-6)  # a frame without a file is black
    distance = maths("MULTIPLY_ADD", is_missing, FAR, distance)
    is_before = maths("MULTIPLY", maths("LESS_THAN", distance, depth), shown)
    covered = maths("MULTIPLY", maths("SUBTRACT", 1.0, is_before), render[3])
    of_own = maths("MULTIPLY", maths("SUBTRACT", 1.0, covered), shown)
    of_render = maths("SUBTRACT", 1.0, maths("MULTIPLY", is_before, own[3]))
    both = [maths("MULTIPLY_ADD", a, of_own, maths("MULTIPLY", b, of_render)) for a, b in zip(own, render)]
    return both, maths("MINIMUM", depth, maths("MULTIPLY_ADD", maths("SUBTRACT", 1.0, shown), FAR, distance))


def _shown(maths: NodeMath, owners: Sequence[bpy.types.Object]) -> bpy.types.NodeSocket:
    """1, or 0 while an owner is hidden in renders, as its switch is animated."""
    switches = [maths("SUBTRACT", 1.0, maths.followed(owner, "hide_render")) for owner in owners]
    return reduce(partial(maths, "MULTIPLY"), switches)


def _image(maths: NodeMath, image: bpy.types.Image) -> bpy.types.NodeSocket:
    """The file of the scene's frame."""
    node = cast(Any, maths.node("CompositorNodeImage"))
    node.image = image
    node.frame_start, node.frame_duration, node.frame_offset = EARLIEST, LONGEST, EARLIEST - 1
    node.use_auto_refresh = True
    return node.outputs["Image"]
