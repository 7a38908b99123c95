# SPDX-License-Identifier: GPL-3.0-or-later
"""A head with random, loud networks, as the torch field and as the file the replay reads."""

from fractions import Fraction

import pytest

from talksplat.core.formats.head_file import HeadCard, HeadFile
from talksplat.core.performance.branch_settings import BranchSettings


@pytest.fixture(scope="session")
def random_head():
    # Not above: the other tests of this package run where there is no torch, as in Blender.
    import torch

    from talksplat.core.deformation.field import HeadField

    def make(fusion="gated", channels=0, counts=(700, 300), spread=0.36, seed=0):
        """(HeadField, canonical tensors by branch, HeadFile); about a quarter of the Gaussians outside the bounds."""
        g = torch.Generator().manual_seed(seed)
        bounds = {"centre": (0.01, -0.03, 0.05), "half_extent": 0.16}
        settings = {
            "face": BranchSettings.face(fusion=fusion, expression=channels, **bounds),
            "mouth": BranchSettings.mouth(fusion=fusion, expression=channels, **bounds),
        }
        field = HeadField(settings, channels=6)
        with torch.no_grad():
            for name, weight in field.named_parameters():
                weight.normal_(std=1.0 if "tables" in name else weight.shape[-1] ** -0.5, generator=g)
        canonical, tensors = {}, {name: t.numpy() for name, t in field.state_dict().items()}
        for branch, n in zip(settings, counts):
            means = torch.tensor(bounds["centre"]) + (torch.rand(n, 3, generator=g) - 0.5) * spread
            quats = torch.nn.functional.normalize(torch.randn(n, 4, generator=g), dim=1)
            scales = torch.rand(n, 3, generator=g) * 0.01 + 1e-3
            canonical[branch] = (means, quats, scales)
            columns = {
                "means": means,
                "quats": quats,
                "scales": scales,
                "opacities": torch.rand(n, generator=g),
                "sh0": torch.rand(n, 3, generator=g),
                "shN": torch.zeros(n, 0, 3),
            }
            tensors |= {f"{branch}.gaussians.{k}": v.numpy() for k, v in columns.items()}
        card = HeadCard(
            "random",
            Fraction(25),
            "logmel",
            {"face": 32, "mouth": 32},
            tuple(f"channel_{i}" for i in range(channels)),
            fusion,
            {name: s.to_dict() for name, s in settings.items()},
        )
        return field, canonical, HeadFile(card, tensors)

    return make
