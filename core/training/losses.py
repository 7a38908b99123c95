# SPDX-License-Identifier: GPL-3.0-or-later
"""What training minimises, term by term. Knows no optimiser and no stage.

Letters: H W picture, N Gaussians, P landmarks. Pictures are display-referred 0..1 and blended over the same background.
"""

import numpy as np
import torch
from torch import Tensor

from ..head import DeformedHead
from ..metrics import ssim_with_gradient, ssim_with_gradient_torch


class FusedSSIM(torch.autograd.Function):
    """Mean SSIM of rendered and target, [H,W,3] each; the gradient is of `rendered`. Value and gradient come out of the
    forward call (numba on the CPU, torch elsewhere), backward is one product."""

    @staticmethod
    def forward(ctx, rendered: Tensor, target: Tensor) -> Tensor:  # [H,W,3], [H,W,3] -> []
        if rendered.device.type != "cpu":
            value, ctx.gradient = ssim_with_gradient_torch(rendered.detach(), target)
            return value
        value, gradient = ssim_with_gradient(rendered.detach().numpy(), target.numpy(), ctx.needs_input_grad[0])
        ctx.gradient = None if gradient is None else torch.from_numpy(gradient)
        return torch.tensor(value, dtype=rendered.dtype)

    @staticmethod
    def backward(ctx, *upstream: Tensor) -> tuple[Tensor, None]:
        return upstream[0] * ctx.gradient, None


def picture_loss(
    rendered: Tensor,  # [H,W,3]
    target: Tensor,  # [H,W,3]
    dssim: float,  # 3DGS: 0.2
    weight: Tensor | None = None,  # [H,W,1] on L1; the mouth's box counts more
) -> Tensor:
    """(1 - dssim) L1 + dssim (1 - SSIM), as 3DGS writes it."""
    error = (rendered - target).abs()
    if weight is not None:
        error = error * weight
    return (1.0 - dssim) * error.mean() + dssim * (1.0 - FusedSSIM.apply(rendered, target))


def offset_loss(moved: DeformedHead, canonical: DeformedHead) -> Tensor:
    """mean |offset| of position (in centimetres, the network's unit), rotation and log scale (TalkingGaussian)."""
    position = (moved.means - canonical.means).abs().mean() * 100.0
    return (
        position + (moved.quats - canonical.quats).abs().mean() + (moved.scales / canonical.scales).log().abs().mean()
    )


def alpha_loss(alpha: Tensor, mask: Tensor) -> Tensor:  # [H,W], [H,W]
    """mean |alpha - mask|: TalkingGaussian's two mask terms in one, for masks with soft edges."""
    return (alpha - mask).abs().mean()


def mouth_weight(
    height: int,
    width: int,
    box: tuple[slice, slice],
    gain: float,
    torso: np.ndarray | None = None,
    torso_gain: float = 1.0,
) -> Tensor:
    """[H,W,1]: 1, `gain` inside the mouth's box, `torso_gain` where `torso` [H,W] bool says so; mean 1, so the learning
    rate means the same."""
    weight = np.ones((height, width, 1), dtype=np.float32)
    if torso is not None:
        weight[torso] = torso_gain
    weight[box] = gain
    return torch.from_numpy(weight / weight.mean())
