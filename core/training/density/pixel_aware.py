# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixel-aware density control: the published Pixel-GS rule that PGSTalker's title refers to."""

import torch
from torch import Tensor

from .scored import Scored
from .strategy import DensityInfo


class PixelAware(Scored):
    """score = sum_k m_k |g_k| f(d_k) / sum_k m_k, m the exact count of pixels entered in view k (Pixel-GS eq. of
    the score), f(d) = min(1, (d / (0.37 radius))^2).

    In heads nearly every Gaussian is seen in nearly every frame, so the weighting mostly favours frames where one
    is large and uncovered: the inside of the mouth in frames where it is open.
    The depth factor acts on the score only, never on parameters. It is off by default: cameras are several
    radii away, so it would be 1 everywhere.
    """

    name = "pixel_aware"

    def reads_pixels(self, step: int) -> bool:
        """Until `stop`."""
        return step < self.settings.stop

    def weigh(self, info: DensityInfo) -> tuple[Tensor, Tensor]:
        """Pixel counts, and the depth factor. Raises ValueError where nobody counted pixels."""
        if info.pixels is None:
            raise ValueError(
                f"density rule {self.name} needs the pixel counts of every step before {self.settings.stop}"
            )
        factor = torch.ones_like(info.depths)
        if self.settings.depth_factor:
            factor = (info.depths / (0.37 * self.settings.extent)).square().clamp_max(1.0)
        return info.pixels.to(torch.float32), factor
