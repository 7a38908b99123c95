# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera of a render as Nuke's Camera3, keyed at every frame.

Space: Nuke's world is Y up and its camera looks along -Z; a point (x, y, z) of Blender's is (x, z, -y) there, metres.
Source: nukescripts.snap3d.cameraProjectionMatrix, which comes with Nuke; that win_translate moves the picture by half
of its width a unit, downwards and to the left, is what public exporters agree on.
"""

from collections.abc import Mapping

import numpy as np

from ..formats import Camera
from .nuke_nodes import keyed_list, keyed_matrix, number

APERTURE = 36.0  # mm, width; not in the paper: chosen because Blender's own cameras have it. Only focal / width is seen
Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])  # Blender's world -> Nuke's
AXES = np.diag([1.0, -1.0, -1.0, 1.0])  # Nuke's camera (y up, z backwards) -> ours


def pixel_aspect(camera: Camera) -> float:
    """Width over height of a pixel."""
    return camera.fy / camera.fx


def camera_knobs(cameras: Mapping[int, Camera]) -> dict[str, str]:
    """Knob -> value. cameras: frame -> the picture's camera in the scene's world, all of one size and kind."""
    frames, views = list(cameras), list(cameras.values())
    first = views[0]
    matrices = np.stack([Y_UP @ np.linalg.inv(view.matrix) @ AXES for view in views])
    focal = np.array([[APERTURE * view.fx / view.width] for view in views])
    shift = np.array([_window_translate(view) for view in views])
    height = APERTURE * first.height / first.width / pixel_aspect(first)
    kind = {} if first.kind == "perspective" else {"projection_mode": first.kind}
    return {
        "useMatrix": "true",
        "matrix": keyed_matrix(frames, matrices),
        **kind,
        "focal": keyed_list(frames, focal),
        "haperture": number(APERTURE),
        "vaperture": number(height),
        "near": number(first.near),
        "far": number(first.far),
        "win_translate": keyed_list(frames, shift),
    }


def _window_translate(camera: Camera) -> tuple[float, float]:
    """The lens shift, both in halves of the picture's width."""
    across, down = camera.width - 2 * camera.cx, 2 * camera.cy - camera.height
    return across / camera.width, down / camera.width / pixel_aspect(camera)
