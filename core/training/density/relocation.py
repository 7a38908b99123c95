# SPDX-License-Identifier: GPL-3.0-or-later
"""What n equal Gaussians in one place must be so that together they look like the one they replace.

3DGS-MCMC (Kheradmand et al. 2024, arXiv 2404.09591), eq. 9:
    1 - o' = (1 - o)^(1/n)
    scale' = scale * o / D,  D = sum_{i=1..n} sum_{k=0..i-1} C(i-1,k) (-1)^k o'^(k+1) / sqrt(k+1)
Summed over i first (C(0,k) + ... + C(n-1,k) = C(n,k+1)) this is
    D = sum_{j=1..n} C(n,j) (-1)^(j-1) o'^j / sqrt(j)
which is the integral of 1 - (1 - o' exp(-x^2/2))^n over that of exp(-x^2/2): a line through the centre keeps its mass.

Letters: B Gaussians, o opacity 0..1, n how many replace one. Knows no cloud.
"""

import torch
from torch import Tensor

OPAQUE = 1 - 1e-6  # above, alternating sums of 51 terms would lose digits that float64 does not have


def relocated_opacity_and_scale(
    opacities: Tensor,  # [B] 0..1
    counts: Tensor,  # [B] int64, 1 or more
    least: float = 0.0,  # opacity that o' does not fall below; D takes the raised one, so the line's mass is kept
) -> tuple[Tensor, Tensor]:
    """(o' [B], scale' / scale [B]), float64. Counts of 1 change nothing."""
    o, n = opacities.double().clamp_max(OPAQUE), counts.double()
    divided = (-torch.expm1(torch.log1p(-o) / n)).clamp_min(least)
    divided = torch.where(counts == 1, o, divided)
    j = torch.arange(1, int(counts.max()) + 1, device=o.device).double() if len(counts) else n.new_zeros(0)
    n, powers = n[:, None], divided[:, None] ** j
    binomial = torch.lgamma(n + 1) - torch.lgamma(j + 1) - torch.lgamma((n - j).clamp_min(0) + 1)
    terms = torch.where(j <= n, binomial.exp() * powers / j.sqrt(), 0.0)
    return divided, o / (terms * torch.where(j % 2 == 1, 1.0, -1.0)).sum(1)
