# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are and what the camera sees, as USD has it: matrices of row vectors, a camera that looks along -Z with
Y up, lenses and sensors in tenths of the scene's unit."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..formats import Camera
from ..usd import define_prim, fixed, sampled, usd_modules

SENSOR = 0.36  # tenths of a metre: 36 mm, a full-frame camera's width; only ratios to it are seen
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])  # OpenCV's camera axes <-> USD's


def write_transform(layer: Any, path: str, matrices: Mapping[int, np.ndarray]) -> None:
    """Place the prim at `path`. matrices: frame -> [4,4], its space to the world; one alone holds for all frames."""
    (gf,) = usd_modules("Gf")
    prim = layer.GetPrimAtPath(path)
    values = {frame: gf.Matrix4d(matrix.T.tolist()) for frame, matrix in matrices.items()}
    sampled(prim, "xformOp:transform", "Matrix4d", values)
    fixed(prim, "xformOpOrder", "TokenArray", ["xformOp:transform"], uniform=True)


def write_camera(layer: Any, path: str, cameras: Mapping[int, Camera]) -> None:
    """A prim for the camera. cameras: frame -> camera in the world; one alone holds for all frames."""
    (gf,) = usd_modules("Gf")
    prim = define_prim(layer, path, "Camera")
    write_transform(layer, path, {frame: np.linalg.inv(camera.matrix) @ FLIP for frame, camera in cameras.items()})
    lenses = {frame: _lens(camera) for frame, camera in cameras.items()}
    for name in next(iter(lenses.values())):
        sampled(prim, name, "Float", {frame: lens[name] for frame, lens in lenses.items()})
    ranges = {frame: gf.Vec2f(camera.near, camera.far) for frame, camera in cameras.items()}
    sampled(prim, "clippingRange", "Float2", ranges)
    sampled(prim, "projection", "Token", {frame: camera.kind for frame, camera in cameras.items()})


def _lens(camera: Camera) -> dict[str, float]:
    """Attribute -> value. The picture's edges are the sensor's, so that a lens off the centre is an offset of it."""
    orthographic = camera.kind == "orthographic"
    width = 10 * camera.width / camera.fx if orthographic else SENSOR
    focal = SENSOR if orthographic else SENSOR * camera.fx / camera.width
    height = 10 * camera.height / camera.fy if orthographic else focal * camera.height / camera.fy
    return {
        "focalLength": focal,
        "horizontalAperture": width,
        "verticalAperture": height,
        "horizontalApertureOffset": width * (0.5 - camera.cx / camera.width),
        "verticalApertureOffset": height * (camera.cy / camera.height - 0.5),
    }
