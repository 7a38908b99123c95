# SPDX-License-Identifier: GPL-3.0-or-later
"""The pixels of passes as the layers of an EXR: colours scene-linear, depth far away where nothing is visible.

Letters: H x W pixels, C channels.
"""

from collections.abc import Iterable

import numpy as np

from ..interchange import EMPTY_ALPHA, ExrLayer, display_to_scene_linear, light_to_scene_linear
from ..raster import Rendering
from .passes import Pass, PassKind

FAR_AWAY = 1e10  # metres; what Blender's depth pass has where there is nothing


def exr_layers(passes: Iterable[Pass], rendering: Rendering, layout: str, colour_space: str) -> list[ExrLayer]:
    """A layer for each pass. layout: a key of EXR_LAYOUTS; colour_space: a key of COLOUR_SPACES.

    rendering: numpy arrays, with depth where a pass needs it.
    """
    return [
        ExrLayer(
            row.layers[layout],
            dict(zip(row.channels, _stored(row, rendering, colour_space))),
            is_colour=row.kind is PassKind.COLOUR,
        )
        for row in passes
    ]


def _stored(row: Pass, rendering: Rendering, colour_space: str) -> np.ndarray:
    """[C,H,W] as the file has it: float16 for colours, float32 for the rest. Planar, because an EXR is."""
    pixels = row.pixels(rendering)
    if row.kind is PassKind.COLOUR:
        alpha = pixels[..., 3]
        planes = np.empty((4, *alpha.shape), np.float16)
        to_scene_linear = light_to_scene_linear if rendering.blend == "linear" else display_to_scene_linear
        light = to_scene_linear(pixels[..., :3], alpha, colour_space)
        for index in range(3):
            planes[index] = light[..., index]
        planes[3] = np.clip(alpha, 0.0, 1.0)
        return planes
    if row.kind is PassKind.DEPTH:
        is_visible = (rendering.alpha[..., None] > EMPTY_ALPHA) & (pixels > 0)
        pixels = np.where(is_visible, pixels, FAR_AWAY)
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0), dtype=np.float32)
