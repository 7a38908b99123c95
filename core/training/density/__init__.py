# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Gaussians are added and removed while a head trains. A new rule: a file with a Strategy, and a line here."""

from .absgrad import AbsGrad
from .adc import Adc
from .density_settings import AbsGradSettings, BudgetSettings, DensitySettings, McmcSettings
from .mcmc import Mcmc
from .pixel_aware import PixelAware
from .pixel_aware_budget import PixelAwareBudget
from .strategy import Change, DensityInfo, DensityState, Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    "pixel_aware": PixelAware,
    "adc": Adc,
    "absgrad": AbsGrad,
    "mcmc": Mcmc,
    "pixel_aware_budget": PixelAwareBudget,
}

__all__ = [
    "STRATEGIES",
    "AbsGrad",
    "AbsGradSettings",
    "Adc",
    "BudgetSettings",
    "Change",
    "DensityInfo",
    "DensitySettings",
    "DensityState",
    "Mcmc",
    "McmcSettings",
    "PixelAware",
    "PixelAwareBudget",
    "Strategy",
]
