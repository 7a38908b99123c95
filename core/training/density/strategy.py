# SPDX-License-Identifier: GPL-3.0-or-later
"""What every density rule shares: two callbacks around backward (gsplat's interface), a budget, pruning.

    step_pre_backward(cloud, optimizer, state, step, info)
    step_post_backward(cloud, optimizer, state, step, info) -> Change | None

A rule says only how a view's gradient enters the score: `weigh`. Scores gather in `state` until the next change.

Letters: N Gaussians of one branch, g gradient of the loss with respect to the projected centre in NDC,
m pixels that a Gaussian entered. Knows no loss and no camera.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head.cloud import Cloud
from .settings import DensitySettings
from .surgery import clones, long_axis_children, random_children, replace_rows


class DensityInfo(NamedTuple):
    """What one backward pass says about each Gaussian of a branch; filled after backward."""

    gradient: Tensor  # [N] norm of dL/d(centre), pixels x (W/2, H/2) = NDC units, as 3DGS counts
    absolute: Tensor  # [N] the same with absolute values summed a pixel
    pixels: Tensor  # [N] exact number of pixels entered
    depths: Tensor  # [N] metres along z
    visible: Tensor  # [N] bool


@dataclass
class DensityState:
    """Sums since the last change."""

    total: Tensor  # [N] sum of weight * gradient
    weight: Tensor  # [N] sum of weight
    begun_with: int  # Gaussians at the start, where the budget's curve begins

    @staticmethod
    def empty(n: int) -> "DensityState":
        return DensityState(torch.zeros(n), torch.zeros(n), n)


class Change(NamedTuple):
    cloned: int
    split: int
    pruned: int


class Strategy:
    """A density rule. Subclasses say `weigh`."""

    name = ""

    def __init__(self, settings: DensitySettings) -> None:
        self.settings = settings

    def initialize_state(self, cloud: Cloud) -> DensityState:
        return DensityState.empty(len(cloud))

    def weigh(self, info: DensityInfo) -> tuple[Tensor, Tensor]:
        """(weight [N], factor on the gradient [N]) of this view."""
        raise NotImplementedError

    def step_pre_backward(self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int,
                          info: object) -> None:
        """Nothing to do: the raster hands its statistics out after backward."""

    def step_post_backward(self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int,
                           info: DensityInfo) -> Change | None:
        """Gather this view; at every `every`-th step between `start` and `stop` change the cloud."""
        s = self.settings
        if step >= s.stop:
            return None
        weight, factor = self.weigh(info)
        gradient = info.absolute if s.absolute else info.gradient
        state.total += weight * factor * gradient
        state.weight += weight
        if step < s.start or step % s.every:
            return None
        return self.change(cloud, optimizer, state, step)

    def scores(self, state: DensityState) -> Tensor:  # [N]
        """sum weight * |g| / sum weight; 0 where nothing was seen."""
        return torch.where(state.weight > 0, state.total / state.weight.clamp_min(1e-12), 0.0)

    def allowed(self, state: DensityState, step: int) -> int:
        """The budget's curve N*(t): quadratic from what there was to `budget`, flat at the end.

        Not in the paper: chosen because a smooth trajectory to a budget beats a hard cap (Smart Target Point
        Control 2026, by its public summary; the curve is ours).
        """
        s = self.settings
        t = min(max((step - s.start) / max(s.stop - s.start, 1), 0.0), 1.0)
        return min(round(state.begun_with + (s.budget - state.begun_with) * (1 - (1 - t) ** 2)), s.budget)

    def floor(self, step: int) -> float:
        """Opacity below which a Gaussian goes; rises from start to stop."""
        s = self.settings
        t = min(max((step - s.start) / max(s.stop - s.start, 1), 0.0), 1.0)
        return s.prune_from + (s.prune_to - s.prune_from) * t

    def change(self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int) -> Change:
        """Prune first, then let the highest scores above tau have children while the budget allows."""
        s = self.settings
        scores = self.scores(state)
        stays = (cloud.opacities.detach() >= self.floor(step)) & (cloud.scales.detach().amax(1) <= s.largest)
        pruned = int((~stays).sum())
        room = max(self.allowed(state, step) - int(stays.sum()), 0)
        wanted = torch.nonzero(stays & (scores > s.tau)).squeeze(1)
        chosen = wanted[torch.argsort(scores[wanted], descending=True, stable=True)[:room]]
        large = cloud.scales.detach()[chosen].amax(1) > s.percent_dense * s.extent
        cloned, parents = chosen[~large], chosen[large]
        stays[parents] = False  # a split replaces its parent
        children = long_axis_children if s.long_axis else random_children
        first, second = clones(cloud, cloned), children(cloud, parents)
        born = {name: torch.cat([first[name], second[name]]) for name in first}
        replace_rows(cloud, optimizer, torch.nonzero(stays).squeeze(1), born)
        state.total, state.weight = torch.zeros(len(cloud)), torch.zeros(len(cloud))
        return Change(len(cloned), len(parents), pruned)
