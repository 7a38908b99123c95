# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians and a camera -> colour, alpha, depth, further channels, pixel counts. Start at `rasterizer.py`."""

from .held_camera import HeldCamera
from .rasterizer import BACKENDS, compile_kernels, gpu_name, gpu_unavailable_reason, is_compiled, rasterize
from .rendering import DensityStats, Rendering

__all__ = [
    "BACKENDS",
    "DensityStats",
    "HeldCamera",
    "Rendering",
    "compile_kernels",
    "gpu_name",
    "gpu_unavailable_reason",
    "is_compiled",
    "rasterize",
]
