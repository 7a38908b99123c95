# SPDX-License-Identifier: GPL-3.0-or-later
"""The numba back end for numpy arrays: no gradients, no torch."""

import numpy as np

from . import numba_pipeline as pipeline
from .raster_input import RasterInput
from .rendering import DensityStats, Rendering


def render(scene: RasterInput) -> Rendering:
    """See rasterizer.rasterize; numpy in, numpy out."""
    trace = pipeline.forward(as_float32(scene))
    stats = DensityStats(*trace.depths_and_radii(), count=lambda: pipeline.pixel_counts(trace))
    return rendering(scene, trace.pictures, stats)


def as_float32(scene: RasterInput) -> RasterInput:
    """The scene as the kernels take it."""
    return scene.converted(lambda array: np.ascontiguousarray(array, np.float32))


def rendering(scene: RasterInput, pictures: pipeline.Pictures, stats: DensityStats) -> Rendering:
    """What the kernels made of the scene; the pictures are taken over, not copied."""
    alpha, extra_channels = 1 - pictures.trans, scene.extra.shape[1]
    picture = Rendering(pictures.color, alpha, "numba", stats)
    picture.extra = pictures.channels[:, :, :extra_channels]
    if scene.depth:
        picture.depth_expected = pictures.channels[:, :, extra_channels] / np.where(alpha > 0, alpha, np.float32(1))
        picture.depth_median = pictures.median
    return picture
