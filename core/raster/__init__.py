# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians + camera -> colour, alpha, depth, further channels, pixel counts. Start at `door.py`."""

from .door import BACKENDS, rasterize, warm
from .rendering import DensityStats, Rendering

__all__ = ["BACKENDS", "DensityStats", "Rendering", "rasterize", "warm"]
