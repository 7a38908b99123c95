# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gaussians of one branch as raw, trainable parameters. Knows no network and no picture.

Letters: N Gaussians, K higher SH coefficients. Space: head space, metres.
Activations: scale = exp(logscale), opacity = sigmoid(logit), quaternion normalised; they happen here only.
"""

from collections.abc import ItemsView, ValuesView
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ..formats import Gaussians

COLUMNS = ("means", "quats", "logscales", "logits", "sh0", "shN")


class Cloud(nn.Module):
    """Raw parameters of N Gaussians; rows come and go with density control."""

    def __init__(
        self, means: Tensor, quats: Tensor, logscales: Tensor, logits: Tensor, sh0: Tensor, shN: Tensor
    ) -> None:
        super().__init__()
        self.means = nn.Parameter(means)  # [N,3]
        self.quats = nn.Parameter(quats)  # [N,4] w,x,y,z
        self.logscales = nn.Parameter(logscales)  # [N,3]
        self.logits = nn.Parameter(logits)  # [N]
        self.sh0 = nn.Parameter(sh0)  # [N,3]
        self.shN = nn.Parameter(shN)  # [N,K,3]

    def __len__(self) -> int:
        return len(self.means)

    @property
    def scales(self) -> Tensor:
        """[N,3] linear sigma, metres."""
        return torch.exp(self.logscales)

    @property
    def opacities(self) -> Tensor:
        """[N] 0..1."""
        return torch.sigmoid(self.logits)

    @property
    def unit_quats(self) -> Tensor:
        """[N,4] w,x,y,z."""
        return nn.functional.normalize(self.quats, dim=1)

    @staticmethod
    def from_gaussians(table: Gaussians) -> "Cloud":
        """Inverts the activations. Opacities of exactly 0 or 1 become the nearest that a float32 logit tells apart."""
        columns = {
            name: torch.from_numpy(np.array(getattr(table, name), dtype=np.float32))
            for name in ("means", "quats", "scales", "opacities", "sh0", "shN")
        }
        logits = torch.logit(columns["opacities"], eps=1e-6)
        return Cloud(
            columns["means"], columns["quats"], columns["scales"].log(), logits, columns["sh0"], columns["shN"]
        )

    @torch.no_grad()
    def to_gaussians(self) -> Gaussians:
        """Activated, as numpy float32."""
        columns = {
            "means": self.means,
            "quats": self.unit_quats,
            "scales": self.scales,
            "opacities": self.opacities,
            "sh0": self.sh0,
            "shN": self.shN,
        }
        return Gaussians(
            **{
                name: np.ascontiguousarray(value.detach().cpu().numpy(), dtype=np.float32)
                for name, value in columns.items()
            }
        )


class CloudDict(nn.ModuleDict):
    """Clouds by branch name."""

    def __getitem__(self, key: str) -> Cloud:
        return cast(Cloud, super().__getitem__(key))

    def items(self) -> ItemsView[str, Cloud]:
        """(branch, cloud) pairs."""
        return cast(ItemsView[str, Cloud], super().items())

    def values(self) -> ValuesView[Cloud]:
        """The clouds."""
        return cast(ValuesView[Cloud], super().values())
