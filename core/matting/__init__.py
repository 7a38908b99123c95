# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a talking person to straight-alpha RGBA and labels: colour key on a plain backdrop, else by mask."""

from .backdrop import Backdrop
from .key import despill
from .labels import label_pixels
from .segment import alpha_from_mask

__all__ = [
    "Backdrop",
    "alpha_from_mask",
    "despill",
    "label_pixels",
]
