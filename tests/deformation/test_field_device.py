# SPDX-License-Identifier: GPL-3.0-or-later
"""The field on another device is the CPU's field: values, gradients, exact zeros. Nothing is left behind on the way."""

import pytest
import torch

from talksplat.core.deformation.field import HeadField
from talksplat.core.performance.branch_settings import BranchSettings
from talksplat.core.performance.folding import FUSION_TYPES

EXPRESSION = 4


def built(fusion):
    """A field of large weights, and one moment."""
    torch.manual_seed(0)
    settings = {
        "face": BranchSettings.face(fusion=fusion, expression=EXPRESSION, half_extent=0.12),
        "mouth": BranchSettings.mouth(fusion=fusion, expression=EXPRESSION, half_extent=0.05),
    }
    field = HeadField(settings, 20)
    with torch.no_grad():
        for weight in field.parameters():
            weight.normal_(std=0.1)
    canonical = {
        name: (
            0.3 * torch.rand(300, 3) - 0.15,
            torch.nn.functional.normalize(torch.randn(300, 4), dim=1),
            0.01 * torch.rand(300, 3) + 1e-3,
        )
        for name in settings
    }
    return field, canonical, torch.randn(1, 8, 20, 2), torch.rand(EXPRESSION)


def moved_and_gradients(field, canonical, windows, expression):
    """What moved, and the gradients of every weight and every canonical column."""
    canonical = {
        name: tuple(t.detach().clone().requires_grad_() for t in columns) for name, columns in canonical.items()
    }
    field.zero_grad()
    codes = {name: code[0] for name, code in field.codes(windows).items()}
    moved = field(canonical, codes, expression)
    sum((t * torch.linspace(-1, 1, t.shape[1], device=t.device)).square().sum() for t in moved).backward()
    leaves = [*field.parameters()] + [t for columns in canonical.values() for t in columns]
    return [t.detach().to("cpu") for t in moved], [leaf.grad.to("cpu") for leaf in leaves]


@pytest.mark.parametrize("fusion", FUSION_TYPES)
def test_a_field_elsewhere_is_the_same_field(other_device, fusion):
    field, canonical, *moment = built(fusion)
    moved, gradients = moved_and_gradients(field, canonical, *moment)
    there = field.to(other_device)
    away = {name: tuple(t.to(other_device) for t in columns) for name, columns in canonical.items()}
    moved_there, gradients_there = moved_and_gradients(there, away, *(t.to(other_device) for t in moment))
    for here, other in zip((*moved, *gradients), (*moved_there, *gradients_there)):
        assert (here - other).norm() <= 1e-4 * here.norm()  # sums in another order, and what cancels in them
    rest = torch.cat([columns[0] for columns in canonical.values()])
    outside = (moved[0] == rest).all(1)
    assert 100 < outside.sum() < 500
    assert torch.equal(moved_there[0][outside], rest[outside])


def test_the_pretended_device_raises_where_a_gpu_raises(other_device):
    there, here = torch.ones(3, device=other_device), torch.ones(3)
    assert there.device.type == other_device.type
    for wrong in (
        lambda: there + here,
        lambda: torch.cat([there, here]),
        lambda: here[there.long()],
        lambda: torch.where(there > 0, here, 0.0),
        there.numpy,
        lambda: there.clamp_(here, here),
        lambda: torch.randn(2, device=other_device, generator=torch.Generator()),
        lambda: here.index_add_(0, there.long(), there),
    ):
        with pytest.raises((RuntimeError, TypeError, NotImplementedError)):
            wrong()
    assert float((there + torch.tensor(1.0)).sum()) == 6.0
    assert torch.equal(there[here.long()[:1]].to("cpu"), torch.ones(1))
