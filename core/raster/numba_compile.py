# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kernel of the numba back end, compiled or loaded before the first picture."""

from dataclasses import replace

import numpy as np

from ..formats import Camera
from . import numba_pipeline as pipeline
from .held_view import HeldView
from .raster_input import RasterInput


def compile_all(backward: bool) -> None:
    """Run every kernel once on one Gaussian; backward: those of the gradients as well."""
    camera = Camera(16, 16, 16.0, 16.0, 8.0, 8.0, np.eye(4).tolist())
    for extra_channels in (0, 1):
        shapes = (1, 3), (1, 4), (1, 3), (1,), (1, 3), (1, 0, 3), (1, extra_channels), (3,)
        arrays = [np.ones(shape, np.float32) for shape in shapes]
        scene = RasterInput(*arrays, camera=camera, depth=False, degree=0)
        pipeline.forward(replace(scene, far_limit=np.ones((16, 16), np.float32)))
        trace = pipeline.forward(scene)
        HeldView(scene).draw(scene)
        if backward:
            pipeline.pixel_counts(trace)
