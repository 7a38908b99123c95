# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a talking person to straight-alpha RGBA and labels: by colour key over a plain backdrop, else by mask."""

from .backdrop import Backdrop
from .key import clean
from .labels import labels
from .segment import alpha_by_mask

__all__ = ["Backdrop", "alpha_by_mask", "clean", "labels"]
