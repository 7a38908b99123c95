# SPDX-License-Identifier: GPL-3.0-or-later
"""The numba kernels as one torch function, and as plain numpy for callers without torch."""

import numpy as np

from ..formats.camera import Camera
from . import numba_pipeline as pipeline
from .rendering import DensityStats, Rendering


def render_numpy(means, quats, scales, opacities, sh0, shN, camera: Camera, *, background, extra, depth, degree
                 ) -> Rendering:
    """See door.rasterize; numpy in, numpy out, no gradients, no torch."""
    columns = [np.ascontiguousarray(a, np.float32) for a in (means, quats, scales, opacities, sh0, shN)]
    trace = pipeline.forward(*columns, camera, background=np.ascontiguousarray(background, np.float32),
                             extra=np.ascontiguousarray(extra, np.float32), depth=depth, degree=degree)
    pictures, many = trace.pictures, extra.shape[1]
    alpha = 1 - pictures.trans
    picture = Rendering(pictures.color, alpha, "numba", DensityStats(*trace.seen()),
                        count=lambda: pipeline.pixel_counts(trace))
    picture.extra = pictures.channels[:, :, :many]
    if depth:
        picture.depth_expected = pictures.channels[:, :, many] / np.where(alpha > 0, alpha, np.float32(1))
        picture.depth_median = pictures.median
    return picture


def torch_function():
    """The autograd.Function (made on first use, so that this module imports without torch)."""
    import torch

    class Splatting(torch.autograd.Function):
        @staticmethod
        def forward(ctx, means, quats, scales, opacities, sh0, shN, extra, background, camera, depth, degree, keep):
            columns = [t.detach().contiguous().numpy() for t in (means, quats, scales, opacities, sh0, shN)]
            trace = pipeline.forward(*columns, camera, background=background.contiguous().numpy(),
                                     extra=extra.detach().contiguous().numpy(), depth=depth, degree=degree)
            keep["trace"] = ctx.trace = trace
            keep["stats"] = ctx.stats = DensityStats(*(torch.from_numpy(a) for a in trace.seen()))
            pictures = trace.pictures
            median = torch.from_numpy(pictures.median)
            ctx.mark_non_differentiable(median)
            return (torch.from_numpy(pictures.color), 1 - torch.from_numpy(pictures.trans),
                    torch.from_numpy(pictures.channels), median)

        @staticmethod
        def backward(ctx, g_color, g_alpha, g_channels, _):
            upstream = [g.float().contiguous().numpy() for g in (g_color, g_alpha, g_channels)]
            g = pipeline.backward(ctx.trace, *upstream)
            stats = ctx.stats
            stats.grad2d, stats.absgrad2d, stats.pixel_counts = (torch.from_numpy(a) for a in
                                                                 (g.grad2d, g.absgrad2d, g.counts))
            return (*(torch.from_numpy(a) for a in (g.means, g.quats, g.scales, g.opacities, g.sh0, g.shN, g.extra)),
                    None, None, None, None, None)

    return Splatting


SPLATTING = []  # the one function, once made


def render(means, quats, scales, opacities, sh0, shN, camera: Camera, *, background, extra, depth, degree) -> Rendering:
    """See door.rasterize; tensors are brought to float32 on the CPU, gradients go back to where they came from."""
    import torch

    if not SPLATTING:
        SPLATTING.append(torch_function())
    device, keep, many = means.device, {}, extra.shape[1]
    columns = [t.to("cpu", torch.float32) for t in (means, quats, scales, opacities, sh0, shN, extra, background)]
    color, alpha, channels, median = SPLATTING[0].apply(*columns, camera, depth, degree, keep)
    picture = Rendering(color.to(device), alpha.to(device), "numba", keep["stats"],
                        count=lambda: torch.from_numpy(pipeline.pixel_counts(keep["trace"])))
    picture.extra = channels[:, :, :many].to(device)
    if depth:
        expected = channels[:, :, many] / torch.where(alpha > 0, alpha, 1.0)
        picture.depth_expected, picture.depth_median = expected.to(device), median.to(device)
    return picture
