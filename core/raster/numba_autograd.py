# SPDX-License-Identifier: GPL-3.0-or-later
"""The numba kernels as one torch function, and as plain numpy for callers without torch."""

import functools

import numpy as np

from ..formats import Camera
from . import numba_pipeline as pipeline
from .rendering import DensityStats, Rendering


def render_numpy(
    means, quats, scales, opacities, sh0, shN, camera: Camera, *, background, extra, depth, degree
) -> Rendering:
    """See door.rasterize; numpy in, numpy out, no gradients, no torch."""
    columns = [np.ascontiguousarray(a, np.float32) for a in (means, quats, scales, opacities, sh0, shN)]
    trace = pipeline.forward(
        *columns,
        camera,
        background=np.ascontiguousarray(background, np.float32),
        extra=np.ascontiguousarray(extra, np.float32),
        depth=depth,
        degree=degree,
    )
    pictures, many = trace.pictures, extra.shape[1]
    alpha = 1 - pictures.trans
    stats = DensityStats(*trace.seen(), count=lambda: pipeline.pixel_counts(trace))
    picture = Rendering(pictures.color, alpha, "numba", stats)
    picture.extra = pictures.channels[:, :, :many]
    if depth:
        picture.depth_expected = pictures.channels[:, :, many] / np.where(alpha > 0, alpha, np.float32(1))
        picture.depth_median = pictures.median
    return picture


def warm() -> None:
    """Run every kernel once on one Gaussian."""
    camera = Camera(16, 16, 16.0, 16.0, 8.0, 8.0, np.eye(4).tolist())
    one = np.ones((1, 3), np.float32)
    for many in (0, 1):
        trace = pipeline.forward(
            one,
            np.ones((1, 4), np.float32),
            one,
            np.ones(1, np.float32),
            one,
            np.zeros((1, 0, 3), np.float32),
            camera,
            background=np.zeros(3, np.float32),
            extra=np.zeros((1, many), np.float32),
            depth=False,
            degree=0,
        )
        pipeline.pixel_counts(trace)


def torch_function():
    """The autograd.Function (made on first use, so that this module imports without torch)."""
    import torch

    class Splatting(torch.autograd.Function):
        @staticmethod
        def forward(ctx, means, quats, scales, opacities, sh0, shN, extra, background, camera, depth, degree, keep):
            tensors = (means, quats, scales, opacities, sh0, shN, extra)
            *columns, features = (t.detach().contiguous().numpy() for t in tensors)
            trace = pipeline.forward(
                *columns, camera, background=background.contiguous().numpy(), extra=features, depth=depth, degree=degree
            )
            keep["trace"] = ctx.trace = trace
            ctx.keep, pictures = keep, trace.pictures
            color, channels, median = (
                torch.from_numpy(a) for a in (pictures.color, pictures.channels, pictures.median)
            )
            ctx.save_for_backward(*tensors, color, channels)  # not for their values: torch then refuses changed ones
            ctx.mark_non_differentiable(median)
            return color, 1 - torch.from_numpy(pictures.trans), channels, median

        @staticmethod
        def backward(ctx, g_color, g_alpha, g_channels, _):
            assert len(ctx.saved_tensors) == 9  # reading them is what makes torch look
            g = pipeline.backward(ctx.trace, *(t.float().contiguous().numpy() for t in (g_color, g_alpha, g_channels)))
            ctx.keep["backward"](g)
            return (
                *(torch.from_numpy(a) for a in (g.means, g.quats, g.scales, g.opacities, g.sh0, g.shN, g.extra)),
                None,
                None,
                None,
                None,
                None,
            )

    return Splatting


@functools.cache
def splatting():
    """One autograd.Function for the process."""
    return torch_function()


def render(means, quats, scales, opacities, sh0, shN, camera: Camera, *, background, extra, depth, degree) -> Rendering:
    """See door.rasterize; tensors are brought to float32 on the CPU, gradients go back to where they came from."""
    import torch

    device, keep, many = means.device, {}, extra.shape[1]
    columns = [t.to("cpu", torch.float32) for t in (means, quats, scales, opacities, sh0, shN, extra, background)]
    color, alpha, channels, median = splatting().apply(*columns, camera, depth, degree, keep)

    def home(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    trace = keep.pop("trace")
    stats = DensityStats(*(home(a) for a in trace.seen()), count=lambda: home(pipeline.pixel_counts(trace)))

    def on_backward(g: pipeline.Gradients) -> None:
        stats.grad2d, stats.absgrad2d, stats.counted = home(g.grad2d), home(g.absgrad2d), home(g.counts)
        stats.count = None  # lets the trace's buffers go

    keep["backward"] = on_backward
    picture = Rendering(color.to(device), alpha.to(device), "numba", stats)
    picture.extra = channels[:, :, :many].to(device)
    if depth:
        expected = channels[:, :, many] / torch.where(alpha > 0, alpha, 1.0)
        picture.depth_expected, picture.depth_median = expected.to(device), median.to(device)
    return picture
