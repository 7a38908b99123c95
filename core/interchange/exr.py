# SPDX-License-Identifier: GPL-3.0-or-later
"""Plates for compositing: OpenEXR with half-float premultiplied RGBA and float depth.

Two ways of naming, chosen by who reads:
    blender   a part for each pass, `ViewLayer.Combined.R` ... as Blender 5 writes and reads
    nuke      one part, `R G B A depth.Z`

Depth is planar along the camera's axis in metres, not anti-aliased, BACKGROUND where nothing is
seen: `Depth` is the blended (expected) one, `DepthMedian` that of the surface at half transmittance.

Letters: H x W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR

from ..formats import UserError, atomic_write
from .colour import CLEAR
from .frame_metadata import FrameMetadata

BACKGROUND = 1e10  # Blender's depth of nothing
Passes = dict[str, dict[str, np.ndarray]]  # pass -> channel -> [H,W]


@dataclass(frozen=True)
class RenderPasses:
    """The pixels of a frame."""

    light: np.ndarray  # [H,W,3] premultiplied, scene-linear (colour.display_to_scene_linear)
    alpha: np.ndarray  # [H,W] 0..1
    depth: np.ndarray | None = None  # [H,W] expected, metres (a Rendering's depth_expected)
    depth_median: np.ndarray | None = None  # [H,W] metres


def write_exr(path: Path | str, plate: RenderPasses, slate: FrameMetadata, layout: str = "blender") -> None:
    """Write atomically, ZIP compressed. `layout` is a key of LAYOUTS.

    Raises ValueError for arrays that do not belong together or are not finite.
    """
    passes = _passes(plate)
    with atomic_write(path) as beside:
        with OpenEXR.File(EXR_LAYOUTS[layout](passes, slate)) as file:
            file.write(str(beside))


def _passes(plate: RenderPasses) -> Passes:
    shape = plate.alpha.shape
    depths = {"Depth": plate.depth, "DepthMedian": plate.depth_median}
    wanted = [(plate.light, (*shape, 3)), *((d, shape) for d in depths.values() if d is not None)]
    if len(shape) != 2 or any(array.shape != size for array, size in wanted):
        raise ValueError(f"a plate's arrays differ in size: {[a.shape for a, _ in wanted]}, alpha {shape}")
    if not all(np.isfinite(array).all() for array in (plate.alpha, *(a for a, _ in wanted))):
        raise ValueError("a plate holds values that are not finite")
    light, alpha = plate.light.astype(np.float16), np.clip(plate.alpha, 0.0, 1.0).astype(np.float16)
    passes = {"Combined": {"R": _plane(light[..., 0]), "G": _plane(light[..., 1]), "B": _plane(light[..., 2]),
                           "A": _plane(alpha)}}  # fmt: skip
    for name, depth in depths.items():
        if depth is not None:
            seen = (plate.alpha > CLEAR) & (depth > 0)
            passes[name] = {"Z": _plane(np.where(seen, depth, BACKGROUND).astype(np.float32))}
    return passes


def _plane(values: np.ndarray) -> np.ndarray:
    # OpenEXR 3.5 reads an array's memory whatever its strides: a view would be written scrambled.
    return np.ascontiguousarray(values)


def _blender(passes: Passes, slate: FrameMetadata) -> list[OpenEXR.Part]:
    """A part for each pass, named like its channels; only colours carry a colour space."""
    parts = []
    for name, channels in passes.items():
        header = _header(slate) | {"colorInteropID": slate.space if name == "Combined" else "data"}
        named = {f"ViewLayer.{name}.{channel}": pixels for channel, pixels in channels.items()}
        parts.append(OpenEXR.Part(header, named, f"ViewLayer.{name}"))
    return parts


def _nuke(passes: Passes, slate: FrameMetadata) -> list[OpenEXR.Part]:
    """One part: the colour's channels bare, each other pass as a layer."""
    layers = {"Depth": "depth.", "DepthMedian": "depth_median.", "Combined": ""}
    named = {}
    for name, channels in passes.items():
        named |= {layers[name] + channel: pixels for channel, pixels in channels.items()}
    return [OpenEXR.Part(_header(slate) | {"colorInteropID": slate.space}, named, "")]


def _header(slate: FrameMetadata) -> dict:
    return {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage} | slate.attributes()


EXR_LAYOUTS: dict[str, Callable[[Passes, FrameMetadata], list[OpenEXR.Part]]] = {"blender": _blender, "nuke": _nuke}


def read_exr(path: Path | str) -> tuple[dict[str, np.ndarray], dict]:
    """(channel -> [H,W], header of the first part) of any scanline EXR. UserError for what is none."""
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}
            if channels:
                return channels, dict(file.parts[0].header)
            reason = "no channel can be read"  # OpenEXR says why on stderr only
    except (RuntimeError, ValueError, OSError) as error:
        reason = str(error).partition("\n")[0]
    raise UserError(f"{path} cannot be read as OpenEXR ({reason}); render it again.")
