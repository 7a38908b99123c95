# SPDX-License-Identifier: GPL-3.0-or-later
"""What every density rule is: two callbacks around backward (gsplat's interface), and terms for the loss.

    terms(cloud) -> {name: scalar}                                 add to the loss
    step_pre_backward(cloud, optimizer, state, step, info)
    step_post_backward(cloud, optimizer, state, step, info) -> Change | None

The second callback runs after the optimiser's step. Draws come from torch's global generator, which checkpoints hold.

Letters: N Gaussians of one branch. Knows no loss and no camera.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head import Cloud
from .density_settings import DensitySettings


class DensityInfo(NamedTuple):
    """What one backward pass says about each Gaussian of a branch; filled after backward."""

    gradient: Tensor  # [N] norm of dL/d(centre), pixels x (W/2, H/2) = NDC units, as 3DGS counts
    absolute: Tensor  # [N] the same with absolute values summed a pixel
    pixels: Tensor | None  # [N] exact number of pixels entered; None unless a rule says `reads_pixels`
    depths: Tensor  # [N] metres along z
    visible: Tensor  # [N] bool


@dataclass
class DensityState:
    """Sums since the last change, and what a rule remembers across changes."""

    total: Tensor  # [N] sum of weight * gradient
    weight: Tensor  # [N] sum of weight
    begun_with: int  # Gaussians at the start, where the budget's curve begins
    pressure: float = 1.0  # times tau; moved by `pixel_aware_budget` alone

    @staticmethod
    def empty(n: int, device: torch.device | None = None) -> "DensityState":
        return DensityState(torch.zeros(n, device=device), torch.zeros(n, device=device), n)

    def forget(self, n: int) -> None:
        """The sums begin anew, for n Gaussians."""
        self.total, self.weight = self.total.new_zeros(n), self.weight.new_zeros(n)


class Change(NamedTuple):
    cloned: int  # added on another one's place
    split: int
    pruned: int
    relocated: int = 0


class Strategy:
    """A density rule. Subclasses say `step_post_backward`; those with a score derive from `scored.Scored`."""

    name = ""

    def __init__(self, settings: DensitySettings) -> None:
        self.settings = settings

    def initialize_state(self, cloud: Cloud) -> DensityState:
        return DensityState.empty(len(cloud), cloud.means.device)

    def terms(self, cloud: Cloud) -> dict[str, Tensor]:
        """Weighted scalars that the rule wants added to the loss of every step; none for most rules."""
        return {}

    def step_pre_backward(
        self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int, info: object
    ) -> None:
        """Nothing to do: the raster hands its statistics out after backward."""

    def step_post_backward(
        self, cloud: Cloud, optimizer: Optimizer, state: DensityState, step: int, info: DensityInfo
    ) -> Change | None:
        raise NotImplementedError

    def reads_pixels(self, step: int) -> bool:
        """Whether this step's `info.pixels` is asked for; on a GPU it costs about a forward pass."""
        return False

    def due(self, step: int) -> bool:
        """Whether this step changes the cloud: every `every`-th one from `start`, before `stop`."""
        s = self.settings
        return s.start <= step < s.stop and step % s.every == 0

    def passed(self, step: int) -> float:
        """0 at `start` .. 1 at `stop`."""
        s = self.settings
        return min(max((step - s.start) / max(s.stop - s.start, 1), 0.0), 1.0)
