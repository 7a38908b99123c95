# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that give every Gaussian a score: the best have children along a budget's curve, the faint and the huge go.

A rule says only how a view's gradient enters the score: `weigh`. Scores gather in `state` until the next change.

Letters: N Gaussians of one branch, g gradient of the loss with respect to the projected centre in NDC, t 0..1 the
share of the schedule that has passed. Knows no loss and no camera.
"""

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head import Cloud
from .density_settings import DensitySettings
from .strategy import Change, DensityInfo, DensityState, Strategy
from .surgery import clones, long_axis_children, random_children, replace_rows


class Scored(Strategy):
    """Subclasses say `weigh`; they may say `threshold`, `allowed` and `survivors`."""

    def __init__(self, settings: DensitySettings) -> None:
        super().__init__(settings)
        self.absolute = settings.absolute

    def weigh(self, info: DensityInfo) -> tuple[Tensor, Tensor]:
        """(weight [N], factor on the gradient [N]) of this view."""
        raise NotImplementedError

    def step_post_backward(
        self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int, info: DensityInfo
    ) -> Change | None:
        """Gather this view; at every `every`-th step between `start` and `stop` change the cloud."""
        if step >= self.settings.stop:
            return None
        weight, factor = self.weigh(info)
        state.total += weight * factor * (info.absolute if self.absolute else info.gradient)
        state.weight += weight
        return self.change(cloud, optimizer, state, step) if self.due(step) else None

    def scores(self, state: DensityState) -> Tensor:  # [N]
        """sum weight * |g| / sum weight; 0 where nothing was seen."""
        return torch.where(state.weight > 0, state.total / state.weight.clamp_min(1e-12), 0.0)

    def threshold(self, state: DensityState) -> float:
        """Score above which a Gaussian may have children."""
        return self.settings.tau

    def allowed(self, state: DensityState, step: int) -> int:
        """The budget's curve N*(t): quadratic from what there was to `budget`, flat at the end.

        Not in the paper: chosen because a smooth trajectory to a budget beats a hard cap (Smart Target Point
        Control 2026, by its public summary; the curve is ours).
        """
        return min(self.curve(state, step), self.settings.budget)

    def curve(self, state: DensityState, step: int) -> int:
        """N*(t) = begun_with + (budget - begun_with) (1 - (1 - t)^2), falling where there were too many."""
        rest = (1 - self.passed(step)) ** 2
        return round(self.settings.budget + (state.begun_with - self.settings.budget) * rest)

    def floor(self, step: int) -> float:
        """Opacity below which a Gaussian goes; rises from start to stop."""
        s = self.settings
        return s.prune_from + (s.prune_to - s.prune_from) * self.passed(step)

    def survivors(self, cloud: Cloud, state: DensityState, step: int) -> Tensor:  # [N] bool
        """Neither faint nor huge."""
        return (cloud.opacities.detach() >= self.floor(step)) & (cloud.scales.detach().amax(1) <= self.settings.largest)

    def change(self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int) -> Change:
        """Prune first, then let the highest scores above the threshold have children while the budget allows."""
        s = self.settings
        scores, stays = self.scores(state), self.survivors(cloud, state, step)
        pruned = int((~stays).sum())
        room = max(self.allowed(state, step) - int(stays.sum()), 0)
        wanted = torch.nonzero(stays & (scores > self.threshold(state))).squeeze(1)
        chosen = wanted[torch.argsort(scores[wanted], descending=True, stable=True)[:room]]
        large = cloud.scales.detach()[chosen].amax(1) > s.percent_dense * s.extent
        cloned, parents = chosen[~large], chosen[large]
        stays[parents] = False  # a split replaces its parent
        children = long_axis_children if s.long_axis else random_children
        first, second = clones(cloud, cloned), children(cloud, parents)
        born = {name: torch.cat([first[name], second[name]]) for name in first}
        replace_rows(cloud, optimizer, torch.nonzero(stays).squeeze(1), born)
        state.forget(len(cloud))
        return Change(len(cloned), len(parents), pruned)
