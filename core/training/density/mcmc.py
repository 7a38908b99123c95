# SPDX-License-Identifier: GPL-3.0-or-later
"""3DGS-MCMC (Kheradmand et al. 2024, arXiv 2404.09591): Gaussians as samples; the dead move, the faint wander.

Written from the paper's equations. Letters: N Gaussians, o opacity, S covariance, B Gaussians that come or move.
"""

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head import Cloud
from .density_settings import DensitySettings
from .relocation import relocated
from .strategy import Change, DensityInfo, DensityState, Strategy
from .surgery import overwrite_rows, replace_rows, rotations, rows_of


class Mcmc(Strategy):
    """No score. At an event the dead are moved onto living ones drawn by opacity, then the cloud grows by 5 % the same
    way, up to `budget`; every step adds noise S eta to the means, gated to the faint.

    `budget` is a cap, not a curve (as published): a cloud that begins above it keeps its number. Noise goes on after
    `stop`, and fades with the means' learning rate. `terms` must join the loss, else few Gaussians ever die.
    """

    name = "mcmc"

    def __init__(self, settings: DensitySettings) -> None:
        super().__init__(settings)
        self.own = settings.mcmc

    def terms(self, cloud: Cloud) -> dict[str, Tensor]:
        """The paper's regularisers on |o| and on the square roots of S's eigenvalues, as means over Gaussians."""
        return {
            "opacity": self.own.opacity_weight * cloud.opacities.mean(),
            "scale": self.own.scale_weight * cloud.scales.mean() / self.settings.extent,
        }

    def step_post_backward(
        self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int, info: DensityInfo
    ) -> Change | None:
        change = None
        if self.due(step):
            moved, added = self.relocate(cloud, optimizer), self.grow(cloud, optimizer)
            state.forget(len(cloud))
            change = Change(added, 0, 0, moved)
        self.wander(cloud, optimizer)
        return change

    def relocate(self, cloud: Cloud, optimizer: Optimizer) -> int:
        """Every dead Gaussian becomes one more of a living one; both start with empty moments."""
        alive = cloud.opacities.detach() >= self.own.dead
        dead, living = torch.nonzero(~alive).squeeze(1), torch.nonzero(alive).squeeze(1)
        if not len(dead) or not len(living):
            return 0
        drawn = self._divide(cloud, optimizer, living, len(dead))
        overwrite_rows(cloud, optimizer, dead, rows_of(cloud, drawn))
        return len(dead)

    def grow(self, cloud: Cloud, optimizer: Optimizer) -> int:
        """5 % more, never above the budget."""
        n = len(cloud)
        more = min(self.settings.budget, int((1 + self.own.growth) * n)) - n
        living = torch.nonzero(cloud.opacities.detach() >= self.own.dead).squeeze(1)
        if more <= 0 or not len(living):
            return 0
        drawn = self._divide(cloud, optimizer, living, more)
        replace_rows(cloud, optimizer, torch.arange(n, device=drawn.device), rows_of(cloud, drawn))
        return more

    def _divide(self, cloud: Cloud, optimizer: Optimizer, living: Tensor, more: int) -> Tensor:  # [more] rows
        """Draw rows by opacity, make each what `1 + times drawn` of it must be, and say which were drawn."""
        opacities = cloud.opacities.detach()
        drawn = living[torch.multinomial(opacities[living], more, replacement=True)]
        rows, times = torch.unique(drawn, return_counts=True)
        after, grown = relocated(opacities[rows], (times + 1).clamp_max(self.own.most), self.own.dead)
        values = rows_of(cloud, rows)
        values["logits"] = torch.logit(after).to(values["logits"])
        values["logscales"] = values["logscales"] + torch.log(grown)[:, None].to(values["logscales"])
        overwrite_rows(cloud, optimizer, rows, values)
        return drawn

    @torch.no_grad()
    def wander(self, cloud: Cloud, optimizer: Optimizer) -> None:
        """means += rate * noise * sigmoid(-k (o - t)) * S eta, eta ~ N(0, 1), the paper's noise.

        Rate and S are in metres, m and m^2, so the product over metres has m^2 too many; it is divided by `extent`
        squared, which is the paper's formula in units of the head's radius (not in the paper: it has one number for
        all scenes).
        """
        own = self.own
        rate = next(group["lr"] for group in optimizer.param_groups if "means" in group["names"])
        gate = torch.sigmoid(-own.gate_slope * (cloud.opacities - own.gate_centre))
        R = rotations(cloud.quats)
        eta = torch.randn_like(cloud.means)
        along = torch.einsum("nji,nj->ni", R, eta) * cloud.scales.square()  # diag(s^2) R^T eta
        step = rate * own.noise / self.settings.extent**2 * gate
        cloud.means += step[:, None] * torch.einsum("nij,nj->ni", R, along)
