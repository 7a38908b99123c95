# SPDX-License-Identifier: GPL-3.0-or-later
"""3DGS-MCMC (Kheradmand et al. 2024, arXiv 2404.09591): Gaussians as samples; the dead move, the faint explore.

Written from the paper's equations. Letters: N Gaussians, o opacity, S covariance, B Gaussians that are added or moved.
"""

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head import Cloud
from .cloud_edits import copy_rows, overwrite_rows, replace_rows, rotation_matrices
from .density_settings import DensitySettings
from .relocation import relocated_opacity_and_scale
from .strategy import DensityChange, DensityInfo, DensityState, Strategy


class Mcmc(Strategy[DensityState]):
    """No score. At an event the dead are moved onto living ones drawn by opacity, then the cloud grows by 5 % the same
    way, up to `budget`; every step adds noise S eta to the means, gated to the faint.

    `budget` is a cap, not a curve (as published): a cloud that begins above it keeps its number. Noise continues after
    `stop`, and fades with the means' learning rate. `terms` must be added to the loss, else few Gaussians ever die.
    """

    name = "mcmc"

    def __init__(self, settings: DensitySettings) -> None:
        super().__init__(settings)
        self.own_settings = settings.mcmc

    def initialize_state(self, cloud: Cloud) -> DensityState:
        """Nothing to remember: an event looks at the cloud alone."""
        return DensityState()

    def terms(self, cloud: Cloud) -> dict[str, Tensor]:
        """The paper's regularisers on |o| and on the square roots of S's eigenvalues, as means over Gaussians."""
        own = self.own_settings
        return {
            "opacity": own.opacity_weight * cloud.opacities.mean(),
            "scale": own.scale_weight * cloud.scales.mean() / self.settings.extent,
        }

    def step_post_backward(
        self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int, info: DensityInfo
    ) -> DensityChange | None:
        """Relocate and grow at an event; add noise at every step."""
        change = None
        if self.due(step):
            relocated = self.relocate(cloud, optimizer)
            change = DensityChange(self.grow(cloud, optimizer), 0, 0, relocated)
        self.add_noise(cloud, optimizer)
        return change

    def relocate(self, cloud: Cloud, optimizer: Optimizer) -> int:
        """Every dead Gaussian becomes one more of a living one; both start with empty moments. Returns how many."""
        alive = cloud.opacities.detach() >= self.own_settings.dead
        dead, living = torch.nonzero(~alive).squeeze(1), torch.nonzero(alive).squeeze(1)
        if not len(dead) or not len(living):
            return 0
        drawn = self._draw_and_divide(cloud, optimizer, living, len(dead))
        overwrite_rows(cloud, optimizer, dead, copy_rows(cloud, drawn))
        return len(dead)

    def grow(self, cloud: Cloud, optimizer: Optimizer) -> int:
        """Add 5 %, never above the budget. Returns how many."""
        n = len(cloud)
        added = min(self.settings.budget, int((1 + self.own_settings.growth) * n)) - n
        living = torch.nonzero(cloud.opacities.detach() >= self.own_settings.dead).squeeze(1)
        if added <= 0 or not len(living):
            return 0
        drawn = self._draw_and_divide(cloud, optimizer, living, added)
        replace_rows(cloud, optimizer, torch.arange(n, device=drawn.device), copy_rows(cloud, drawn))
        return added

    def _draw_and_divide(self, cloud: Cloud, optimizer: Optimizer, living: Tensor, count: int) -> Tensor:  # [count]
        """Draw rows by opacity, make each what `1 + times drawn` of it must be, and return which were drawn."""
        own, opacities = self.own_settings, cloud.opacities.detach()
        drawn = living[torch.multinomial(opacities[living], count, replacement=True)]
        rows, times = torch.unique(drawn, return_counts=True)
        divided, scaled = relocated_opacity_and_scale(opacities[rows], (times + 1).clamp_max(own.most), own.dead)
        values = copy_rows(cloud, rows)
        values["logits"] = torch.logit(divided).to(values["logits"])
        values["logscales"] = values["logscales"] + torch.log(scaled)[:, None].to(values["logscales"])
        overwrite_rows(cloud, optimizer, rows, values)
        return drawn

    @torch.no_grad()
    def add_noise(self, cloud: Cloud, optimizer: Optimizer) -> None:
        """means += rate * noise * sigmoid(-k (o - t)) * S eta, eta ~ N(0, 1), the paper's noise.

        Rate and S are in metres, m and m^2, so the product over metres has m^2 too many; it is divided by `extent`
        squared, which is the paper's formula in units of the head's radius (not in the paper: it has one number for
        all scenes).
        """
        own = self.own_settings
        rate = next(group["lr"] for group in optimizer.param_groups if "means" in group["names"])
        gate = torch.sigmoid(-own.gate_slope * (cloud.opacities - own.gate_centre))
        R = rotation_matrices(cloud.quats)
        eta = torch.randn_like(cloud.means)
        scaled = torch.einsum("nji,nj->ni", R, eta) * cloud.scales.square()  # diag(s^2) R^T eta
        step = rate * own.noise / self.settings.extent**2 * gate
        cloud.means += step[:, None] * torch.einsum("nij,nj->ni", R, scaled)
