# SPDX-License-Identifier: GPL-3.0-or-later
"""The numba back end for numpy arrays: no gradients, no torch."""

import numpy as np

from . import numba_pipeline as pipeline
from .buffer_pool import PICTURES
from .raster_input import RasterInput
from .rendering import DensityStats, Rendering


def render(scene: RasterInput) -> Rendering:
    """See rasterizer.rasterize; numpy in, numpy out."""
    trace = pipeline.forward(as_float32(scene))
    # The backward pass, which counts, knows no limit: such a picture has no counts.
    count = None if scene.far_limit is not None else lambda: pipeline.pixel_counts(trace)
    stats = DensityStats(*trace.depths_and_radii(), count=count)
    color, trans, *further = trace.pictures
    return rendering(scene, stats, color, trans, *further)


def as_float32(scene: RasterInput) -> RasterInput:
    """The scene as the kernels take it."""
    return scene.converted(lambda array: np.ascontiguousarray(array, np.float32))


def rendering(
    scene: RasterInput,
    stats: DensityStats,
    color: np.ndarray,  # [H,W,3]
    trans: np.ndarray,  # [H,W] transmittance left; not taken over
    channels: np.ndarray,  # [H,W,X]
    median: np.ndarray,  # [H,W]; empty when X = 0
) -> Rendering:
    """What the kernels made of the scene; the pictures are taken over, not copied."""
    extra_channels, alpha = scene.extra.shape[1], PICTURES.take(*trans.shape)
    np.subtract(1, trans, out=alpha)
    picture = Rendering(color, alpha, "numba", stats, blend=scene.blend)
    picture.extra = channels[:, :, :extra_channels]
    if scene.depth:
        picture.depth_expected = PICTURES.take(*alpha.shape)
        np.divide(channels[:, :, extra_channels], np.where(alpha > 0, alpha, np.float32(1)), out=picture.depth_expected)
        picture.depth_median = median
    return picture
