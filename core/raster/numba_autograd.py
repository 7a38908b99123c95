# SPDX-License-Identifier: GPL-3.0-or-later
"""The numba kernels as one torch function."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ..formats import UserError
from . import numba_pipeline as pipeline
from .raster_input import RasterInput
from .rendering import DensityStats, Rendering


@dataclass
class PassRecord:
    """What travels beside the tensors: the trace out of forward, and who gets the gradients from backward."""

    trace: pipeline.Trace | None = None
    on_backward: Callable[[pipeline.Gradients], None] | None = None


class Splatting(torch.autograd.Function):
    """The arrays of a RasterInput, in its order -> color, alpha, channels, median depth."""

    @staticmethod
    def forward(ctx, scene: RasterInput, record: PassRecord, *tensors: torch.Tensor):
        """Tensors are float32 on the CPU; `scene` gives the rest."""
        trace = pipeline.forward(scene.with_arrays(t.detach().contiguous().numpy() for t in tensors))
        record.trace = ctx.trace = trace
        ctx.record, pictures = record, trace.pictures
        color, channels, median = (torch.from_numpy(a) for a in (pictures.color, pictures.channels, pictures.median))
        ctx.save_for_backward(*tensors[:-1], color, channels)  # not for their values: torch then rejects changed ones
        ctx.mark_non_differentiable(median)
        return color, 1 - torch.from_numpy(pictures.trans), channels, median

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Upstream gradients of color, alpha and channels -> gradients of every tensor but the background."""
        assert len(ctx.saved_tensors) == 9  # reading them is what makes torch look
        gradients = pipeline.backward(ctx.trace, *(g.float().contiguous().numpy() for g in grad_outputs[:3]))
        ctx.record.on_backward(gradients)
        return None, None, *(torch.from_numpy(g) for g in gradients.of_inputs()), None


def render(scene: RasterInput) -> Rendering:
    """See rasterizer.rasterize; tensors are brought to float32 on the CPU, gradients go back where they came from."""
    if scene.far_limit is not None:
        raise UserError("rasterize: a far_limit is for numpy arrays, without gradients; leave it out.")
    device, record, extra_channels = scene.means.device, PassRecord(), scene.extra.shape[1]
    tensors = [t.to("cpu", torch.float32) for t in scene.arrays().values()]
    color, alpha, channels, median = (t.to(device) for t in Splatting.apply(scene, record, *tensors))
    picture = Rendering(color, alpha, "numba", density_stats(record, device), blend=scene.blend)
    picture.extra = channels[:, :, :extra_channels]
    if scene.depth:
        picture.depth_expected = channels[:, :, extra_channels] / torch.where(alpha > 0, alpha, 1.0)
        picture.depth_median = median
    return picture


def density_stats(record: PassRecord, device: torch.device) -> DensityStats:
    """Filled from the trace now, and by backward. Takes the trace out of the record."""

    def on_device(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    trace, record.trace = record.trace, None
    assert trace is not None
    depths, radii = (on_device(array) for array in trace.depths_and_radii())
    stats = DensityStats(depths, radii, count=lambda: on_device(pipeline.pixel_counts(trace)))

    def on_backward(g: pipeline.Gradients) -> None:
        stats.grad2d, stats.absgrad2d, stats.counted = map(on_device, (g.grad2d, g.absgrad2d, g.counts))
        stats.count = None  # lets the trace's buffers go

    record.on_backward = on_backward
    return stats
