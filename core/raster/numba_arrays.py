# SPDX-License-Identifier: GPL-3.0-or-later
"""The numba back end for numpy arrays: no gradients, no torch."""

import numpy as np

from ..formats import Camera
from . import numba_pipeline as pipeline
from .raster_input import RasterInput
from .rendering import DensityStats, Rendering


def render(scene: RasterInput) -> Rendering:
    """See rasterizer.rasterize; numpy in, numpy out."""
    trace = pipeline.forward(scene.converted(lambda array: np.ascontiguousarray(array, np.float32)))
    pictures, extra_channels = trace.pictures, scene.extra.shape[1]
    alpha = 1 - pictures.trans
    stats = DensityStats(*trace.depths_and_radii(), count=lambda: pipeline.pixel_counts(trace))
    picture = Rendering(pictures.color, alpha, "numba", stats)
    picture.extra = pictures.channels[:, :, :extra_channels]
    if scene.depth:
        picture.depth_expected = pictures.channels[:, :, extra_channels] / np.where(alpha > 0, alpha, np.float32(1))
        picture.depth_median = pictures.median
    return picture


def compile_all(backward: bool) -> None:
    """Run every kernel once on one Gaussian; backward: those of the gradients as well."""
    camera = Camera(16, 16, 16.0, 16.0, 8.0, 8.0, np.eye(4).tolist())
    for extra_channels in (0, 1):
        shapes = (1, 3), (1, 4), (1, 3), (1,), (1, 3), (1, 0, 3), (1, extra_channels), (3,)
        arrays = [np.ones(shape, np.float32) for shape in shapes]
        trace = pipeline.forward(RasterInput(*arrays, camera=camera, depth=False, degree=0))
        if backward:
            pipeline.pixel_counts(trace)
