# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a talking person to straight-alpha RGBA and labels: colour key on a plain backdrop, else by mask, or by
both together."""

from .backdrop import Backdrop
from .key import despill
from .labels import label_pixels
from .person_leak import MAX_LEAK, confine_to_person, count_leak, leak_share, shows_the_face
from .segment import alpha_from_mask

__all__ = [
    "MAX_LEAK",
    "Backdrop",
    "alpha_from_mask",
    "confine_to_person",
    "count_leak",
    "despill",
    "label_pixels",
    "leak_share",
    "shows_the_face",
]
