# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
import torch

from talksplat.core.metrics import ssim_with_gradient, ssim_with_gradient_torch


@pytest.mark.parametrize("size", [(24, 40), (7, 5), (64, 11)])
def test_torch_is_numba(other_device, size):
    torch.manual_seed(0)
    target = torch.rand(*size, 3)
    rendered = (target + 0.2 * torch.randn(*size, 3)).clamp(0, 1)
    value, gradient = ssim_with_gradient(rendered.numpy(), target.numpy())
    on_device, slope = ssim_with_gradient_torch(rendered.to(other_device), target.to(other_device))
    assert slope.device.type == other_device.type
    assert float(on_device) == pytest.approx(value, abs=1e-5)
    assert (slope.to("cpu") - torch.from_numpy(gradient)).norm() < 1e-4 * torch.from_numpy(gradient).norm()
