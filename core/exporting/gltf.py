# SPDX-License-Identifier: GPL-3.0-or-later
"""Binary glTF 2.0 (.glb) with the extension KHR_gaussian_splatting, as Khronos ratified it: a primitive of points with
an attribute for each column of the splats, all of them after activation (linear scale and opacity).

A viewer that does not know the extension draws coloured points. The extension knows no animation: a file is a frame.
Axes: "rub" (x right, y up, z towards the viewer), which glTF prescribes; metres.
"""

import json
import struct
from pathlib import Path

import numpy as np

from ..formats import RUB_TO_BLENDER, SH_C0, Gaussians, UserError, atomic_write, rotate_gaussians, srgb_to_linear

NAME = "KHR_gaussian_splatting"
POINTS, ARRAY_BUFFER = 0, 34962
COMPONENTS = {"f": 5126, "u": 5121}  # numpy's kind of number -> glTF's: float32, uint8
TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
COLOUR_SPACES = ("srgb_rec709_display", "lin_rec709_display")  # that the extension has
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942


def write_gltf(
    path: Path | str,
    gaussians: Gaussians,
    axes: str = "rub",
    colour_space: str = "srgb_rec709_display",
    _blend: str = "",
) -> None:
    """Write atomically. axes: "rub". The extension cannot say how splats are blended. Raises UserError for a colour
    space that it does not have."""
    if axes != "rub":
        raise UserError(f"axes {axes!r} are unknown to glTF; use rub.")
    if colour_space not in COLOUR_SPACES:
        raise UserError(f"{path}: glTF has no colour space {colour_space!r}; export as USD or PLY.")
    columns = _attributes(rotate_gaussians(gaussians, RUB_TO_BLENDER.T))
    text = json.dumps(_document(columns, colour_space), separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(values.tobytes() for values in columns.values())
    size = 12 + 8 + len(text) + 8 + len(binary)
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        file.write(struct.pack("<III", MAGIC, 2, size) + struct.pack("<II", len(text), JSON_CHUNK) + text)
        file.write(struct.pack("<II", len(binary), BINARY_CHUNK))
        file.write(binary)


def _attributes(gaussians: Gaussians) -> dict[str, np.ndarray]:
    """Attribute of the primitive -> its values; every row a multiple of four bytes, as glTF asks."""
    columns = {
        "POSITION": gaussians.means,
        "COLOR_0": _point_colours(gaussians),
        f"{NAME}:ROTATION": gaussians.quats[:, [1, 2, 3, 0]],
        f"{NAME}:SCALE": gaussians.scales,
        f"{NAME}:OPACITY": gaussians.opacities,
        f"{NAME}:SH_DEGREE_0_COEF_0": gaussians.sh0,
    }
    for degree in range(1, gaussians.sh_degree + 1):
        for i in range(2 * degree + 1):
            columns[f"{NAME}:SH_DEGREE_{degree}_COEF_{i}"] = gaussians.shN[:, degree * degree - 1 + i]
    return {
        name: np.ascontiguousarray(values, values.dtype if values.dtype == np.uint8 else "<f4")
        for name, values in columns.items()
    }


def _point_colours(gaussians: Gaussians) -> np.ndarray:
    """[N,4] uint8: for viewers without splats. glTF's colours are linear, ours are of a display: sRGB's curve."""
    display = np.clip(gaussians.sh0 * SH_C0 + 0.5, 0, 1)
    return np.round(np.column_stack([srgb_to_linear(display), gaussians.opacities]) * 255).astype(np.uint8)


def _document(columns: dict[str, np.ndarray], colour_space: str) -> dict:
    views, accessors, offset = [], [], 0
    for name, values in columns.items():
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": values.nbytes, "target": ARRAY_BUFFER})
        offset += values.nbytes
        accessors.append(_accessor(name, values, len(accessors)))
    primitive = {
        "mode": POINTS,
        "attributes": {name: i for i, name in enumerate(columns)},
        "extensions": {
            NAME: {
                "kernel": "ellipse",
                "colorSpace": colour_space,
                "projection": "perspective",
                "sortingMethod": "cameraDistance",
            }
        },
    }
    return {
        "asset": {"version": "2.0", "generator": "talksplat"},
        "extensionsUsed": [NAME],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": offset}],
    }


def _accessor(name: str, values: np.ndarray, view: int) -> dict:
    width = values.shape[1] if values.ndim == 2 else 1
    accessor = {
        "bufferView": view,
        "componentType": COMPONENTS[values.dtype.kind],
        "count": len(values),
        "type": TYPES[width],
    }
    if values.dtype.kind == "u":
        accessor["normalized"] = True
    if name == "POSITION":
        accessor |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
    return accessor
