# SPDX-License-Identifier: GPL-3.0-or-later
"""What every density rule is: a state of its own, two callbacks around backward (gsplat's interface), and terms for
the loss.

    initialize_state(cloud) -> DensityState                        saved in checkpoints, whatever its fields
    terms(cloud) -> {name: scalar}                                 added to the loss
    step_pre_backward(cloud, optimizer, state, step, info)
    step_post_backward(cloud, optimizer, state, step, info) -> DensityChange | None

The second callback runs after the optimiser's step. Draws come from torch's global generator, which checkpoints hold.

Letters: N Gaussians of one branch. Knows no loss and no camera.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from ...head import Cloud
from .density_settings import DensitySettings


class DensityInfo(NamedTuple):
    """What one backward pass says about each Gaussian of a branch; filled after backward."""

    gradient: Tensor  # [N] norm of dL/d(centre), pixels x (W/2, H/2) = NDC units, as 3DGS counts
    absolute: Tensor  # [N] the same with absolute values summed per pixel
    pixels: Tensor | None  # [N] exact number of pixels entered; None unless the rule says `reads_pixels`
    depths: Tensor  # [N] metres along z
    visible: Tensor  # [N] bool


@dataclass
class DensityState:
    """What a rule remembers of one branch from step to step. A rule that remembers anything subclasses this dataclass:
    every field (a tensor of any shape, an int or a float) is saved in checkpoints under its name."""

    def state_dict(self) -> dict[str, np.ndarray | Tensor]:
        """Field name -> its value; numbers as arrays without dimensions."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value if isinstance(value, Tensor) else np.array(value) for name, value in values.items()}

    def load_state_dict(self, values: Mapping[str, np.ndarray]) -> None:
        """Take the values of `state_dict`, each on the device of the tensor that it replaces; others are ignored.
        Raises KeyError for a missing one."""
        for field in fields(self):
            old, new = getattr(self, field.name), values[field.name]
            loaded = torch.from_numpy(new).to(old.device) if isinstance(old, Tensor) else type(old)(new)
            setattr(self, field.name, loaded)


class DensityChange(NamedTuple):
    """How many Gaussians one event changed."""

    cloned: int  # added in the place of another one
    split: int
    pruned: int
    relocated: int = 0


State = TypeVar("State", bound=DensityState)


class Strategy(Generic[State]):
    """A density rule. Subclasses define `step_post_backward`; those with a score derive from `scored.Scored`."""

    name = ""  # its key in STRATEGIES

    def __init__(self, settings: DensitySettings) -> None:
        self.settings = settings

    def initialize_state(self, cloud: Cloud) -> State:
        """What the rule remembers before the first step."""
        raise NotImplementedError

    def terms(self, cloud: Cloud) -> dict[str, Tensor]:
        """Weighted scalars that the rule adds to the loss of every step; none for most rules."""
        return {}

    def step_pre_backward(self, cloud: Cloud, optimizer: Optimizer, state: State, step: int, info: object) -> None:
        """Called before backward, when `info` (raster.DensityStats) has no gradients; does nothing for most rules."""

    def step_post_backward(
        self, cloud: Cloud, optimizer: Optimizer, state: State, step: int, info: DensityInfo
    ) -> DensityChange | None:
        """Gather this view's statistics and, at an event, change the cloud; None where the cloud stays as it is."""
        raise NotImplementedError

    def reads_pixels(self, step: int) -> bool:
        """Whether this step needs `info.pixels`, which on a GPU costs about a forward pass."""
        return False

    def due(self, step: int) -> bool:
        """Whether this step is an event: every `every`-th one from `start`, before `stop`."""
        s = self.settings
        return s.start <= step < s.stop and step % s.every == 0

    def progress(self, step: int) -> float:
        """0 at `start` .. 1 at `stop`."""
        s = self.settings
        return min(max((step - s.start) / max(s.stop - s.start, 1), 0.0), 1.0)
