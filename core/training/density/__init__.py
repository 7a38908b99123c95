# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Gaussians are added and removed while a head trains. A new rule: a file with a Strategy, and a line here."""

from .absgrad import AbsGrad
from .adc import Adc
from .density_settings import DensitySettings
from .mcmc import Mcmc
from .pixel_aware import PixelAware
from .pixel_aware_budget import PixelAwareBudget
from .strategy import DensityChange, DensityInfo, DensityState, Strategy

# Name -> rule: what `--density` and `density.strategy` choose from.
STRATEGIES: dict[str, type[Strategy]] = {
    "pixel_aware": PixelAware,
    "adc": Adc,
    "absgrad": AbsGrad,
    "mcmc": Mcmc,
    "pixel_aware_budget": PixelAwareBudget,
}

__all__ = ["STRATEGIES", "DensityChange", "DensityInfo", "DensitySettings", "DensityState", "Strategy"]
