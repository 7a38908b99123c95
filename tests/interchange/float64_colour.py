# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture's codes and light are, in float64 and as the formulas read: the reference of the kernels.

Letters: H x W pixels.
"""

import numpy as np

from talksplat.core.formats import linear_to_srgb, srgb_to_linear
from talksplat.core.interchange.colour import BRIGHTEST, COLOUR_SPACES, EMPTY_ALPHA, ENCODED


def unpremultiply(color, alpha):
    """Colour divided by alpha, [H,W,3]; 0 where alpha <= EMPTY_ALPHA."""
    alpha = np.asarray(alpha, dtype=np.float64)[..., None]
    return np.divide(color, alpha, out=np.zeros(np.shape(color)), where=alpha > EMPTY_ALPHA)


def scene_linear(color, alpha, blend="display", space="lin_rec709_scene"):
    """[H,W,3] float32, premultiplied."""
    limit = srgb_to_linear(np.float64(BRIGHTEST)) if blend == "linear" else BRIGHTEST
    straight = np.clip(unpremultiply(color, alpha), 0.0, limit)
    straight = (straight if blend == "linear" else srgb_to_linear(straight)) @ COLOUR_SPACES[space].T
    if space in ENCODED:
        straight = linear_to_srgb(straight)
    return (straight * np.asarray(alpha, dtype=np.float64)[..., None]).astype(np.float32)


def codes(color, alpha, blend="display"):
    """uint8 [H,W,4], straight."""
    straight = unpremultiply(color, alpha)
    straight = linear_to_srgb(np.clip(straight, 0.0, 1.0)) if blend == "linear" else straight
    pixels = np.concatenate([straight, np.asarray(alpha, np.float64)[..., None]], axis=-1)
    return np.rint(np.clip(pixels, 0.0, 1.0) * 255.0).astype(np.uint8)
