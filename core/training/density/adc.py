# SPDX-License-Identifier: GPL-3.0-or-later
"""Adaptive density control of 3D Gaussian Splatting, for comparison: every view that sees one counts the same."""

import torch
from torch import Tensor

from .scored import Scored
from .strategy import DensityInfo


class Adc(Scored):
    """score = mean over the views that see it of |g| (Kerbl et al. 2023)."""

    name = "adc"

    def weigh(self, info: DensityInfo) -> tuple[Tensor, Tensor]:
        """1 where the Gaussian is visible."""
        return info.visible.to(torch.float32), torch.ones_like(info.depths)
