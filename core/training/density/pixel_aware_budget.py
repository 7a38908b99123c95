# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixel-aware density control that follows a budget: as many Gaussians at every event as the curve says.

Letters: N Gaussians after an event, N* the curve's number there, e = N / N* - 1.
"""

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head import Cloud
from .density_settings import DensitySettings
from .pixel_aware import PixelAware
from .strategy import Change, DensityState


class PixelAwareBudget(PixelAware):
    """Scores of `PixelAware`; what differs is how many and above which threshold.

    Quota of an event: N* minus those who stay. Too many (a start above the budget): the least opaque go until N* is
    met. Too few: the threshold falls by gain |e|, at most 12 %, and rises again above the curve; it rests while
    |e| <= 1 %. Because scores above the threshold are taken from the highest, a low threshold costs nothing but
    births that bring little; so N is never above N* after an event, and below it only while the threshold travels.
    Idea: Smart Target Point Control (2026) by its public summary; these equations are ours.
    """

    name = "pixel_aware_budget"

    def __init__(self, settings: DensitySettings) -> None:
        super().__init__(settings)
        self.own = settings.pixel_aware_budget

    def threshold(self, state: DensityState) -> float:
        return state.pressure * super().threshold(state)

    def allowed(self, state: DensityState, step: int) -> int:
        return self.curve(state, step)

    def survivors(self, cloud: Cloud, state: DensityState, step: int) -> Tensor:
        stays = super().survivors(cloud, state, step)
        excess = int(stays.sum()) - self.allowed(state, step)
        if excess > 0:
            rows = torch.nonzero(stays).squeeze(1)
            faintest = torch.argsort(cloud.opacities.detach()[rows], stable=True)[:excess]
            stays[rows[faintest]] = False
        return stays

    def change(self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int) -> Change:
        change = super().change(cloud, optimizer, state, step)
        state.pressure = self.moved(state.pressure, len(cloud) / max(self.allowed(state, step), 1) - 1)
        return change

    def moved(self, pressure: float, error: float) -> float:
        """The threshold's factor after an event that ended `error` off the curve."""
        own = self.own
        if abs(error) <= own.deadband:
            return pressure
        move = min(max(own.gain * error, -own.most), own.most)
        return min(max(pressure * (1 + move), 1 / own.reach), own.reach)
