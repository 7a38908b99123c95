# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians and a camera -> colour, alpha, depth, further channels, pixel counts. Start at `rasterizer.py`."""

from .buffer_pool import give_back, give_back_channels
from .constants import EPS2D, trained_low_pass
from .held_camera import HeldCamera
from .pixel_filter import PIXEL_FILTERS
from .rasterizer import BACKENDS, compile_kernels, gpu_name, gpu_unavailable_reason, is_compiled, rasterize
from .rendering import DensityStats, Rendering
from .supersampling import Columns, Sampling, Supersampler, limit_of_window

__all__ = [
    "BACKENDS",
    "EPS2D",
    "PIXEL_FILTERS",
    "Columns",
    "DensityStats",
    "HeldCamera",
    "Rendering",
    "Sampling",
    "Supersampler",
    "compile_kernels",
    "give_back",
    "give_back_channels",
    "gpu_name",
    "gpu_unavailable_reason",
    "is_compiled",
    "limit_of_window",
    "rasterize",
    "trained_low_pass",
]
