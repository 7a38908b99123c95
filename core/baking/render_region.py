# SPDX-License-Identifier: GPL-3.0-or-later
"""A render region: the part of a picture that is rendered, as Blender's Render Region without Crop; the rest is empty.

Letters: H x W pixels.
"""

from dataclasses import replace

import numpy as np

from ..formats import UserError
from ..raster import Rendering


def check_region(region: tuple[int, ...]) -> None:
    """Raises UserError for what is no region."""
    if region and not (len(region) == 4 and 0 <= region[0] <= region[2] and 0 <= region[1] <= region[3]):
        raise UserError(
            f"region {region} is not left, top, right, bottom in pixels; leave it out for the whole picture."
        )


def within_region(
    rendering: Rendering,
    region: tuple[int, ...],  # (left, top, right, bottom) in pixels, the last two excluded; (): all of it
) -> Rendering:
    """The rendering with nothing outside of the region."""
    if not region:
        return rendering
    left, top, right, bottom = region
    inside = (slice(top, bottom), slice(left, right))
    return replace(
        rendering,
        alpha=_cut(rendering.alpha, inside),
        color=_cut(rendering.color, inside),
        extra=None if rendering.extra is None else _cut(rendering.extra, inside),
    )


def _cut(whole: np.ndarray, inside: tuple[slice, slice]) -> np.ndarray:
    """The picture with zeros outside."""
    kept = np.zeros_like(whole)
    kept[inside] = whole[inside]
    return kept
