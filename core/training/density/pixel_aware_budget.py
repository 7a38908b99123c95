# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixel-aware density control that follows a budget: as many Gaussians at every event as the curve says.

Letters: N Gaussians after an event, N* the curve's number there, e = N / N* - 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head import Cloud
from .density_settings import DensitySettings
from .pixel_aware import PixelAware
from .scored import ScoreState
from .strategy import DensityChange


@dataclass
class BudgetState(ScoreState):
    """The sums, and the threshold that the controller has reached."""

    threshold_factor: float = 1.0  # times tau


class PixelAwareBudget(PixelAware):
    """Scores of `PixelAware`; what differs is how many Gaussians are added, and above which threshold.

    Quota of an event: N* minus those who stay. Too many (a start above the budget): the least opaque go until N* is
    met. Too few: the threshold falls by gain |e|, at most 12 %, and rises again above the curve; it rests while
    |e| <= 1 %. Because scores above the threshold are taken from the highest, a low threshold costs nothing but
    births that bring little; so N is never above N* after an event, and below it only while the threshold travels.
    Idea: Smart Target Point Control (2026) by its public summary; these equations are ours.
    """

    name = "pixel_aware_budget"

    def __init__(self, settings: DensitySettings) -> None:
        super().__init__(settings)
        self.own_settings = settings.pixel_aware_budget

    def initialize_state(self, cloud: Cloud) -> BudgetState:
        """Empty sums, and a threshold of tau."""
        return BudgetState(**vars(super().initialize_state(cloud)))

    def threshold(self, state: ScoreState) -> float:
        """Score above which a Gaussian may have children."""
        assert isinstance(state, BudgetState)
        return state.threshold_factor * super().threshold(state)

    def allowed(self, state: ScoreState, step: int) -> int:
        """The curve, above `budget` too."""
        return self.curve(state, step)

    def survivors(self, cloud: Cloud, state: ScoreState, step: int) -> Tensor:  # [N] bool
        """Neither faint nor huge, and of the rest the most opaque N*."""
        kept = super().survivors(cloud, state, step)
        excess = int(kept.sum()) - self.allowed(state, step)
        if excess > 0:
            rows = torch.nonzero(kept).squeeze(1)
            faintest = torch.argsort(cloud.opacities.detach()[rows], stable=True)[:excess]
            kept[rows[faintest]] = False
        return kept

    def densify_and_prune(self, cloud: Cloud, optimizer: Optimizer, state: ScoreState, step: int) -> DensityChange:
        """An event, and the threshold of the next one."""
        assert isinstance(state, BudgetState)
        change = super().densify_and_prune(cloud, optimizer, state, step)
        error = len(cloud) / max(self.allowed(state, step), 1) - 1
        state.threshold_factor = self.next_factor(state.threshold_factor, error)
        return change

    def next_factor(self, factor: float, error: float) -> float:
        """The threshold's factor after an event that ended with e = `error`."""
        own = self.own_settings
        if abs(error) <= own.deadband:
            return factor
        move = min(max(own.gain * error, -own.most), own.most)
        return min(max(factor * (1 + move), 1 / own.reach), own.reach)
