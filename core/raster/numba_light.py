# SPDX-License-Identifier: GPL-3.0-or-later
"""The sRGB curve (formats/blending.py) and its slope, one number at a time (for inlining into kernels)."""

import numpy as np

from .numba_runtime import kernel

F = np.float32
CODE_KNEE, LIGHT_KNEE = F(0.04045), F(0.0031308049)
LINE, OFFSET, OVER, POWER = F(1 / 12.92), F(0.055), F(1 / 1.055), F(2.4)
SLOPE, SLOPE_POWER = F(2.4 / 1.055), F(1.4 / 2.4)


@kernel()
def to_light(code):
    """A code -> light; open above 1."""
    if code <= CODE_KNEE:
        return code * LINE
    return ((code + OFFSET) * OVER) ** POWER


@kernel()
def light_slope(light):
    """d(light)/d(code), from the light: ((code + 0.055) / 1.055) is light^(1 / 2.4)."""
    if light <= LIGHT_KNEE:
        return LINE
    return SLOPE * light**SLOPE_POWER
