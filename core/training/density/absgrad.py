# SPDX-License-Identifier: GPL-3.0-or-later
"""AbsGS: gradients of a Gaussian's pixels that point apart must not cancel before they are scored."""

from .adc import Adc
from .density_settings import DensitySettings
from .scored import ScoreState


class AbsGrad(Adc):
    """score = mean over the views that see it of |sum over pixels of |dL_p/d(centre)|| (AbsGS, Ye et al. 2024, the
    homodirectional gradient), threshold 4 tau.

    One score for clones and splits, as gsplat's `absgrad` does.
    Not in the paper: the split along the long axis (`DensitySettings.long_axis=False` draws two children as published)
    and the budget's curve, chosen so that rules differ by their score alone.
    """

    name = "absgrad"

    def __init__(self, settings: DensitySettings) -> None:
        super().__init__(settings)
        self.own_settings, self.absolute = settings.absgrad, True

    def threshold(self, state: ScoreState) -> float:
        """Score above which a Gaussian may have children."""
        return self.own_settings.tau * super().threshold(state)
