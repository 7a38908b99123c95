# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head's proxy mesh is for, in an artist's words, and the object's own settings that make it so."""

from typing import NamedTuple

import bpy


class Use(NamedTuple):
    """One purpose; all but its words are settings of the Object tab."""

    label: str
    description: str
    visible_camera: bool = False
    visible_shadow: bool = True
    is_shadow_catcher: bool = False
    is_holdout: bool = False
    hide_render: bool = False
    display_type: str = "BOUNDS"  # lines all over the face are in the way; snapping needs them


USES = {
    "SHADOW": Use("Cast Shadows", "Casts the head's shadow on what is around it; the camera does not see it"),
    "CATCHER": Use(
        "Catch Shadows",
        "The camera sees only the shadows that fall on the head, in Cycles: to lay over the head's own render",
        visible_camera=True,
        is_shadow_catcher=True,
    ),
    "HOLDOUT": Use(
        "Hold-Out", "Cuts the head out of the picture, for compositing the head's own render", True, is_holdout=True
    ),
    "GUIDE": Use(
        "Snap and Collide",
        "Is not rendered: to snap to, to pick, and for collisions",
        hide_render=True,
        display_type="WIRE",
    ),
}


def apply_use(proxy: bpy.types.Object, use: str) -> None:
    """Set the object up for one of USES; all of it is in Blender's own Object tab too."""
    for name, value in USES[use]._asdict().items():
        if name not in ("label", "description"):
            setattr(proxy, name, value)
