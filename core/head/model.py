# SPDX-License-Identifier: GPL-3.0-or-later
"""A head as a trainable thing: both branches' Gaussians and the networks that move them.

Knows no pictures and no losses. `core.performance.replay` is the same function in numpy; a test holds them together.

Letters: N Gaussians of both branches (face rows, then inside-mouth rows), A audio code, E expression channels,
C feature channels, M moments.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..deformation import HeadField
from ..formats import BRANCHES, HeadCard, HeadFile, UserError
from ..performance import BranchSettings
from .cloud import Cloud, CloudDict


class DeformedHead(NamedTuple):
    """What is rasterized: activated Gaussians of both branches, head space."""

    means: Tensor  # [N,3] metres
    quats: Tensor  # [N,4] w,x,y,z, unit
    scales: Tensor  # [N,3] metres
    opacities: Tensor  # [N]
    sh: Tensor  # [N,1+K,3]


class HeadModel(nn.Module):
    """`clouds` by branch name, `field` the networks of both."""

    def __init__(self, settings: Mapping[str, BranchSettings], channels: int, clouds: Mapping[str, Cloud]) -> None:
        super().__init__()
        self.settings = {name: settings[name] for name in BRANCHES}
        self.channels = channels
        self.clouds = CloudDict({name: clouds[name] for name in BRANCHES})
        self.field = HeadField(self.settings, channels)

    @property
    def counts(self) -> dict[str, int]:
        """How many Gaussians each branch has."""
        return {name: len(cloud) for name, cloud in self.clouds.items()}

    @property
    def device(self) -> torch.device:
        """Of the networks and of the clouds."""
        return next(self.field.parameters()).device

    def codes(self, windows: Tensor) -> dict[str, Tensor]:
        """Audio windows [M,8,C,2] -> {"face": [M,A], "mouth": [M,A]}."""
        return self.field.codes(windows)

    def canonical(self) -> DeformedHead:
        """The head at rest, without its networks."""
        clouds = self._in_order()
        return self._with_appearance(
            torch.cat([c.means for c in clouds]),
            torch.cat([c.unit_quats for c in clouds]),
            torch.cat([c.scales for c in clouds]),
        )

    def forward(
        self,
        codes: Mapping[str, Tensor],  # by branch, [A]
        expression: Tensor | None = None,  # [E]
    ) -> DeformedHead:
        """The head at one moment."""
        shapes = {name: (cloud.means, cloud.unit_quats, cloud.scales) for name, cloud in self.clouds.items()}
        return self._with_appearance(*self.field(shapes, codes, expression))

    def _in_order(self) -> list[Cloud]:
        return [self.clouds[name] for name in BRANCHES]

    def _with_appearance(self, means: Tensor, quats: Tensor, scales: Tensor) -> DeformedHead:
        clouds = self._in_order()
        sh = torch.cat([torch.cat([c.sh0[:, None], c.shN], 1) for c in clouds])
        return DeformedHead(means, quats, scales, torch.cat([c.opacities for c in clouds]), sh)

    @staticmethod
    def from_file(head: HeadFile) -> "HeadModel":
        """Raises UserError where the tensors do not fit the card."""
        if set(head.card.branches) != set(BRANCHES):
            raise UserError(
                f"{head.source}: has only the branches {', '.join(head.card.branches)}; training needs face and mouth."
            )
        settings = {name: BranchSettings.from_dict(head.card.branches[name]) for name in BRANCHES}
        mean = head.tensors.get("face.audio.feature_mean")
        if mean is None or mean.ndim != 1:
            raise UserError(f"{head.source}: face.audio.feature_mean is missing; export the head again.")
        clouds = {name: Cloud.from_gaussians(head.gaussians(name)) for name in BRANCHES}
        model = HeadModel(settings, len(mean), clouds)
        try:
            model.field.load_state_dict(_network_tensors(head))
        except RuntimeError as error:
            raise UserError(
                f"{head.source}: its networks do not fit its card "
                f"({str(error).splitlines()[-1].strip()[:120]}); export the head again."
            ) from None
        return model

    def to_file(self, card: HeadCard) -> HeadFile:
        """The head as a file holds it. Branch settings, code widths and fusion of `card` are taken from the model."""
        tensors = {name: value.detach().cpu().numpy().copy() for name, value in self.field.state_dict().items()}
        for branch, cloud in self.clouds.items():
            for column, values in vars(cloud.to_gaussians()).items():
                tensors[f"{branch}.gaussians.{column}"] = values
        own = replace(
            card,
            branches={name: settings.to_dict() for name, settings in self.settings.items()},
            audio_code={name: settings.audio_code for name, settings in self.settings.items()},
            fusion=self.settings["face"].fusion,
        )
        return HeadFile(own, tensors, card.name)


def _network_tensors(head: HeadFile) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.array(value))
        for name, value in head.tensors.items()
        if name.split(".")[1] in ("field", "audio")
    }
