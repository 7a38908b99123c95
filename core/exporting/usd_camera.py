# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are and what the camera sees, as USD has it: matrices of row vectors, a camera that looks along -Z with
Y up, lenses and sensors in tenths of the scene's unit."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..formats import Camera
from .usd_library import usd_modules

SENSOR = 0.36  # tenths of a metre: 36 mm, a full-frame camera's width; only ratios to it are seen
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])  # OpenCV's camera axes <-> USD's


def write_transform(layer: Any, path: str, matrices: Mapping[int, np.ndarray]) -> None:
    """Place the prim at `path`. matrices: frame -> [4,4], its space to the world; one alone holds for all frames."""
    sdf, gf = usd_modules("Sdf", "Gf")
    prim = layer.GetPrimAtPath(path)
    values = {frame: gf.Matrix4d(matrix.T.tolist()) for frame, matrix in matrices.items()}
    _write(layer, prim, "xformOp:transform", sdf.ValueTypeNames.Matrix4d, values)
    order = sdf.AttributeSpec(prim, "xformOpOrder", sdf.ValueTypeNames.TokenArray, sdf.VariabilityUniform)
    order.default = ["xformOp:transform"]


def write_camera(layer: Any, path: str, cameras: Mapping[int, Camera]) -> None:
    """A prim for the camera. cameras: frame -> camera in the world; one alone holds for all frames."""
    sdf, gf = usd_modules("Sdf", "Gf")
    prim = sdf.CreatePrimInLayer(layer, path)
    prim.specifier, prim.typeName = sdf.SpecifierDef, "Camera"
    write_transform(layer, path, {frame: np.linalg.inv(camera.matrix) @ FLIP for frame, camera in cameras.items()})
    lenses = {frame: _lens(camera) for frame, camera in cameras.items()}
    for name in next(iter(lenses.values())):
        _write(layer, prim, name, sdf.ValueTypeNames.Float, {frame: lens[name] for frame, lens in lenses.items()})
    ranges = {frame: gf.Vec2f(camera.near, camera.far) for frame, camera in cameras.items()}
    _write(layer, prim, "clippingRange", sdf.ValueTypeNames.Float2, ranges)
    kinds = {frame: camera.kind for frame, camera in cameras.items()}
    _write(layer, prim, "projection", sdf.ValueTypeNames.Token, kinds)


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


def _write(layer: Any, prim: Any, name: str, kind: object, values: Mapping[int, object]) -> None:
    """The attribute, with time samples where it changes."""
    (sdf,) = usd_modules("Sdf")
    attribute = sdf.AttributeSpec(prim, name, kind)
    first = next(iter(values.values()))
    if all(value == first for value in values.values()):
        attribute.default = first
        return
    for frame, value in values.items():
        layer.SetTimeSample(attribute.path, float(frame), value)
