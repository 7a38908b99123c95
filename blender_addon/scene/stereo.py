# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene's stereo pair as Blender renders it: which pictures there are, and where each eye is.

Blender keeps the eyes' cameras to itself, so that they are made here from the camera's Stereoscopy settings, by the
same geometry: the eyes are the interocular distance apart around the pivot, and meet at the convergence distance by a
shifted lens (off-axis), by turning (toe-in), or not at all (parallel).
"""

import math
from dataclasses import dataclass
from typing import Literal

import bpy
from mathutils import Matrix

from ...core.formats import UserError

Eye = Literal["", "left", "right"]
BOTH_EYES: Eye = ""  # no stereo: the camera itself


@dataclass(frozen=True)
class RenderView:
    """One of the pictures that a scene renders of each frame."""

    eye: Eye = BOTH_EYES
    suffix: str = ""  # of its files' names, "_L"


ONE_VIEW = RenderView()


def render_views(render: bpy.types.RenderSettings) -> list[RenderView]:
    """The eyes that Blender renders; one picture without Stereoscopy. Raises UserError where each view has a camera of
    its own."""
    if not render.use_multiview:
        return [ONE_VIEW]
    if render.views_format != "STEREO_3D":
        raise UserError("Stereoscopy is set to Multi-View, with a camera for each view; set it to Stereo 3D.")
    eyes: tuple[Eye, Eye] = ("left", "right")
    chosen = [RenderView(eye, render.views[eye].file_suffix) for eye in eyes if render.views[eye].use]
    return chosen or [ONE_VIEW]


def eye_pose(lens: bpy.types.Camera, eye: Eye) -> Matrix:
    """Where the eye is, seen from the camera (Blender's axes: it looks along -Z), without scale."""
    stereo = lens.stereo
    side = _side(stereo.pivot, eye)
    if not side:
        return Matrix.Identity(4)
    aside = Matrix.Translation((-stereo.interocular_distance * side, 0.0, 0.0))
    if stereo.convergence_mode != "TOE":
        return aside
    # The eye looks at the point that the camera looks at, at the convergence distance; of an eye beside the pivot
    # both the pair and the eye turn, by half of it each.
    half = math.atan(stereo.interocular_distance / 2 / stereo.convergence_distance) * math.copysign(1, side)
    turn = Matrix.Rotation(-half, 4, "Y")
    return aside @ turn if stereo.pivot == "CENTER" else turn @ aside @ turn


def eye_shift(lens: bpy.types.Camera, eye: Eye) -> float:
    """What the eye adds to the lens's horizontal shift, as `Camera.shift_x` counts it."""
    stereo = lens.stereo
    if stereo.convergence_mode != "OFFAXIS":
        return 0.0
    apart = stereo.interocular_distance * _side(stereo.pivot, eye)
    return apart / lens.sensor_width * lens.lens / stereo.convergence_distance


def _side(pivot: str, eye: Eye) -> float:
    """How many interocular distances the eye is to the left of the camera."""
    if not eye or pivot == eye.upper():
        return 0.0
    return (0.5 if pivot == "CENTER" else 1.0) * (1 if eye == "left" else -1)
