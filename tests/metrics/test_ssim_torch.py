# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
import torch

from talksplat.core.metrics import ssim_torch, ssim_with_gradient


@pytest.mark.parametrize("size", [(24, 40), (7, 5), (64, 11)])
def test_torch_is_numba(other_device, size):
    torch.manual_seed(0)
    truth = torch.rand(*size, 3)
    rendered = (truth + 0.2 * torch.randn(*size, 3)).clamp(0, 1)
    value, gradient = ssim_with_gradient(rendered.numpy(), truth.numpy())
    told, slope = ssim_torch.ssim_with_gradient(rendered.to(other_device), truth.to(other_device))
    assert slope.device.type == other_device.type
    assert float(told) == pytest.approx(value, abs=1e-5)
    assert (slope.to("cpu") - torch.from_numpy(gradient)).norm() < 1e-4 * torch.from_numpy(gradient).norm()
