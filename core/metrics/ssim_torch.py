# SPDX-License-Identifier: GPL-3.0-or-later
"""SSIM and its gradient in torch, for devices that numba does not reach. The twin of `ssim.py`, which says what is
computed; equal to 1e-5.

A blur is two products with banded matrices, because a convolution on a GPU may silently be done in TF32, whose ten bits
are too few for a variance.

Letters: a rendered, b target, H W picture, C channels.
"""

import functools

import torch
from torch import Tensor

from .ssim import C1, C2, WINDOW, window


@functools.lru_cache(maxsize=16)
def _banded(length: int, device: torch.device) -> Tensor:
    """[length,length]: row y holds the window around y; symmetric, so it is its own adjoint."""
    line = torch.from_numpy(window())
    matrix = torch.zeros(length, length)
    for k in range(WINDOW):
        offset = k - WINDOW // 2
        if abs(offset) < length:
            matrix += torch.diag(line[k].expand(length - abs(offset)), offset)
    return matrix.to(device)


def blur(maps: Tensor) -> Tensor:  # [...,H,W]
    """Both directions, zero padding."""
    return _banded(maps.shape[-2], maps.device) @ maps @ _banded(maps.shape[-1], maps.device)


@torch.no_grad()
def ssim_with_gradient_torch(
    rendered: Tensor,  # [H,W,C] 0..1
    target: Tensor,  # [H,W,C] 0..1
) -> tuple[Tensor, Tensor]:
    """Mean SSIM [] and d SSIM / d rendered [H,W,C]."""
    a, b = rendered.permute(2, 0, 1), target.permute(2, 0, 1)
    m, n, aa, bb, ab = blur(torch.stack([a, b, a * a, b * b, a * b]))
    mm, nn, mn = m * m, n * n, m * n
    top1, top2 = 2 * mn + float(C1), 2 * (ab - mn) + float(C2)
    low1, low2 = mm + nn + float(C1), (aa - mm) + (bb - nn) + float(C2)
    inverse = 1 / (low1 * low2)
    value = top1 * top2 * inverse
    by_mean = 2 * (n * (top2 - top1) * inverse - m * value * (1 / low1 - 1 / low2))
    d0, d1, d2 = blur(torch.stack([by_mean, -value / low2, 2 * top1 * inverse]))
    gradient = (d0 + 2 * a * d1 + b * d2) / a.numel()
    return value.mean(), gradient.permute(1, 2, 0)
