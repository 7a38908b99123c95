# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Gaussians are added and removed while a head trains. A new rule: a file with a Strategy, and a line here."""

from .adc import Adc
from .pixel_aware import PixelAware
from .settings import DensitySettings
from .strategy import Change, DensityInfo, DensityState, Strategy

STRATEGIES: dict[str, type[Strategy]] = {"pixel_aware": PixelAware, "adc": Adc}

__all__ = ["STRATEGIES", "Change", "DensityInfo", "DensitySettings", "DensityState", "Strategy"]
