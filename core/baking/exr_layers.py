# SPDX-License-Identifier: GPL-3.0-or-later
"""The pixels of passes as the layers of an EXR: colours scene-linear, depth far away where nothing is visible.

Letters: H x W pixels, C channels.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..interchange import ExrLayer, far_where_empty, scene_linear_planes
from .pass_picture import PassPicture
from .passes import Pass, PassKind

if TYPE_CHECKING:
    from ..raster import Rendering


PlanesOf = Callable[["Rendering", bool], np.ndarray]  # gives [4,H,W] float16, or float32


def scene_linear(rendering: "Rendering", full_float: bool) -> np.ndarray:
    """Linear Rec.709."""
    return scene_linear_planes(rendering.color, rendering.alpha, rendering.blend, full_float=full_float)


def exr_layers(
    passes: Iterable[Pass],
    picture: PassPicture,
    layout: str,
    planes_of: PlanesOf = scene_linear,
    full_float: bool = False,
) -> list[ExrLayer]:
    """The layers of each pass. layout: a key of EXR_LAYOUTS; planes_of: what makes an EXR's colours of a rendering.
    full_float: colours as float32."""
    return [layer for row in passes for layer in _layers_of(row, picture, layout, planes_of, full_float)]


def _layers_of(row: Pass, picture: PassPicture, layout: str, planes_of: PlanesOf, full_float: bool) -> list[ExrLayer]:
    planes = _stored(row, picture, planes_of, full_float)
    return [
        ExrLayer(
            layer.name,
            {
                letter: plane if layer.factor == 1 else plane * np.float32(layer.factor)
                for letter, plane in zip(layer.letters, planes[layer.first :])
            },
            is_colour=row.kind is PassKind.COLOUR,
            attributes=row.attributes(layer.name, picture.heads),
        )
        for layer in row.layers_in(layout, picture.heads)
    ]


def _stored(row: Pass, picture: PassPicture, planes_of: PlanesOf, full_float: bool) -> np.ndarray:
    """[C,H,W] as the file has it: float16 for colours unless `full_float`, float32 for the rest. Planar, because an EXR
    is."""
    rendering = picture.rendering
    if row.kind is PassKind.COLOUR:
        return planes_of(rendering, full_float)
    pixels = row.pixels(picture)
    if row.kind is PassKind.DEPTH:
        return far_where_empty(pixels[..., 0], rendering.alpha)[None]
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0), dtype=np.float32)
