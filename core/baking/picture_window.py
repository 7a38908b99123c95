# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pixels a file holds: an EXR more than the picture (overscan) or less (a render region), a PNG the picture.

Overscan is what compositors order for lens distortion, stabilising and camera shake. In an EXR the display window is
the picture and the data window what is there, which is how such files are exchanged.

Letters: H x W pixels of the picture, h x w of what was drawn, C channels.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..formats import Camera, UserError
from ..interchange import ExrLayer, ExrWindow

MOST_OVERSCAN = 100.0  # per cent
Margin = tuple[int, int]  # pixels drawn beyond the picture: to the left and to the right, above and below


def check_overscan(overscan: float, region: tuple[int, ...]) -> None:
    """Raises UserError for what cannot be."""
    if not 0 <= overscan <= MOST_OVERSCAN:
        raise UserError(f"overscan {overscan:g} is out of range; use 0 to {MOST_OVERSCAN:g} per cent.")
    if overscan and region:
        raise UserError("a render region has no overscan; switch off one of them.")


def margin_of(camera: Camera, overscan: float) -> Margin:
    """overscan: per cent of width and height beyond each edge, rounded up to pixels."""
    across, down = (math.ceil(side * overscan / 100 - 1e-9) for side in (camera.width, camera.height))
    return across, down


def with_margin(camera: Camera, margin: Margin) -> Camera:
    """The camera whose picture reaches beyond the edges. Raises UserError where that is too large."""
    across, down = margin
    width, height = camera.width + 2 * across, camera.height + 2 * down
    return replace(camera, width=width, height=height, cx=camera.cx + across, cy=camera.cy + down)


def without_margin(camera: Camera, margin: Margin) -> Camera:
    """The camera of the picture."""
    return with_margin(camera, (-margin[0], -margin[1]))


def within_edges(
    pixels: np.ndarray,  # [h,w,...]
    margin: Margin,
) -> np.ndarray:
    """[H,W,...] a view: the picture alone."""
    across, down = margin
    height, width = pixels.shape[:2]
    return pixels[down : height - down, across : width - across]


def exr_window(camera: Camera, margin: Margin) -> ExrWindow:
    """Where the pixels of what `camera` draws are in the picture."""
    shown = without_margin(camera, margin)
    return ExrWindow(-margin[0], -margin[1], shown.width, shown.height)


def within_data_window(
    layers: Sequence[ExrLayer],
    camera: Camera,
    region: tuple[int, ...],  # of the job
) -> tuple[list[ExrLayer], ExrWindow]:
    """The layers with the render region alone, and where it is; all of them where there is none, or it is empty."""
    left, top, *corner = region or (0, 0, camera.width, camera.height)
    right, bottom = min(corner[0], camera.width), min(corner[1], camera.height)
    if left >= right or top >= bottom:
        return list(layers), exr_window(camera, (0, 0))
    part = slice(top, bottom), slice(left, right)
    cut = [replace(row, channels={name: values[part] for name, values in row.channels.items()}) for row in layers]
    return cut, ExrWindow(left, top, camera.width, camera.height)
