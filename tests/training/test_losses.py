# SPDX-License-Identifier: GPL-3.0-or-later
import pytest
import torch

from talksplat.core.training.losses import FusedSSIM, mouth_weight, picture_loss


def test_gradient_through_torch():
    torch.manual_seed(0)
    truth, step = torch.rand(24, 20, 3), 1e-3
    weight = mouth_weight(24, 20, (slice(3, 9), slice(4, 11)), 4.0)
    rendered = (truth + 0.1 * torch.randn_like(truth)).requires_grad_()
    loss = picture_loss(rendered, truth, 0.2, weight)
    loss.backward()
    direction = rendered.grad / rendered.grad.norm()
    with torch.no_grad():
        slope = (
            picture_loss(rendered + step * direction, truth, 0.2, weight)
            - picture_loss(rendered - step * direction, truth, 0.2, weight)
        ) / (2 * step)
    assert slope == pytest.approx(float(rendered.grad.norm()), rel=0.02)
    assert FusedSSIM.apply(truth, truth) > 0.9999
    assert picture_loss(truth, truth, 0.2) < 1e-5


def test_weight_has_mean_one_and_allows_an_empty_box():
    weight = mouth_weight(10, 12, (slice(2, 5), slice(1, 4)), 4.0)
    assert abs(weight.mean() - 1) < 1e-6
    assert torch.isclose(weight[3, 2] / weight[9, 9], torch.tensor([4.0]))
    assert torch.equal(mouth_weight(4, 4, (slice(0, 0), slice(0, 4)), 4.0), torch.ones(4, 4, 1))
