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
    alpha, color = np.zeros_like(rendering.alpha), np.zeros_like(rendering.color)
    inside = (slice(top, bottom), slice(left, right))
    alpha[inside], color[inside] = rendering.alpha[inside], rendering.color[inside]
    return replace(rendering, alpha=alpha, color=color)
