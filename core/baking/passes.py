# SPDX-License-Identifier: GPL-3.0-or-later
"""The passes of a render: images that a compositor knows, made from what the raster gives. A new one: a row in PASSES.

Light to import (numpy): Blender's panel shows this table. Knows no files; how pixels are written: exr_layers.py.

Letters: H x W pixels, C channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from ..formats import UserError

if TYPE_CHECKING:
    from ..raster import Rendering


class PassKind(Enum):
    """What a pass's pixels are, which decides how they are written."""

    COLOUR = "colour"  # [H,W,4] a rendering's colour, premultiplied, and alpha; written scene-linear, half float
    DEPTH = "depth"  # [H,W,1] metres along the camera's axis, 0: none; written float, far away where empty
    DATA = "data"  # [H,W,C] anything else; written float, as it is


@dataclass(frozen=True)
class Pass:
    """One pass: all that the panel, the shell, the raster and the EXR writer need to know of it."""

    label: str  # in the panel
    description: str  # its tooltip: one sentence without a full stop
    kind: PassKind
    channels: str  # C letters, the order of `pixels`
    layers: dict[str, str]  # EXR layout -> layer; channels are named LAYER.LETTER, in a layer "" by the letter alone
    needs_depth: bool  # whether the raster computes depth for it
    pixels: "Callable[[Rendering], np.ndarray]"  # gives [H,W,C] float32


# The name that `Render.passes` takes -> the pass; an EXR has them in this order.
PASSES: dict[str, Pass] = {
    "beauty": Pass(
        "Beauty",
        "Colour and alpha, premultiplied",
        PassKind.COLOUR,
        "RGBA",
        {"blender": "ViewLayer.Combined", "nuke": ""},
        needs_depth=False,
        pixels=lambda rendering: np.concatenate([rendering.color, rendering.alpha[..., None]], axis=-1),
    ),
    "depth": Pass(
        "Depth",
        "Distance along the camera's axis in metres, blended over the Gaussians of a pixel",
        PassKind.DEPTH,
        "Z",
        {"blender": "ViewLayer.Depth", "nuke": "depth"},
        needs_depth=True,
        pixels=lambda rendering: np.asarray(rendering.depth_expected)[..., None],
    ),
    "depth_median": Pass(
        "Depth Median",
        "Distance in metres of the surface that covers half of a pixel, with hard edges",
        PassKind.DEPTH,
        "Z",
        {"blender": "ViewLayer.DepthMedian", "nuke": "depth_median"},
        needs_depth=True,
        pixels=lambda rendering: np.asarray(rendering.depth_median)[..., None],
    ),
}


def select_passes(names: Sequence[str]) -> dict[str, Pass]:
    """The passes of these names, in the order of PASSES. Raises UserError for an unknown name and for none."""
    unknown = [name for name in names if name not in PASSES]
    if unknown or not names:
        problem = f"pass {unknown[0]!r} is unknown" if unknown else "an EXR needs at least one pass"
        raise UserError(f"{problem}; use {', '.join(PASSES)}.")
    return {name: row for name, row in PASSES.items() if name in names}
