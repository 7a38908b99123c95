# SPDX-License-Identifier: GPL-3.0-or-later
"""A head as a trainable thing: both branches' Gaussians and the networks that move them.

Knows no pictures and no losses. `core.performance.replay` is the same function in numpy; a test holds them together.

Letters: N Gaussians of both branches (face rows, then inside-mouth rows), A audio code, E expression channels,
C feature channels, M moments.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..deformation import HeadField
from ..formats import BRANCHES, Gaussians, HeadCard, HeadFile, UserError
from ..performance import BranchSettings
from .cloud import Cloud


class Moved(NamedTuple):
    """What the raster draws: activated Gaussians of both branches."""

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
        self.clouds = nn.ModuleDict({name: clouds[name] for name in BRANCHES})
        self.field = HeadField(self.settings, channels)

    @property
    def counts(self) -> dict[str, int]:
        return {name: len(cloud) for name, cloud in self.clouds.items()}

    @property
    def device(self) -> torch.device:
        """Where the networks lie; the clouds lie there too."""
        return next(self.field.parameters()).device

    def codes(self, windows: Tensor) -> dict[str, Tensor]:
        """[M,8,C,2] -> {"face": [M,A], "mouth": [M,A]}."""
        return self.field.codes(windows)

    def canonical(self) -> Moved:
        """The head at rest: no network asked."""
        clouds = [self.clouds[name] for name in BRANCHES]
        return self._drawn(
            torch.cat([c.means for c in clouds]),
            torch.cat([c.unit_quats for c in clouds]),
            torch.cat([c.scales for c in clouds]),
        )

    def forward(
        self,
        codes: Mapping[str, Tensor],  # by branch, [A]
        expression: Tensor | None = None,  # [E]
    ) -> Moved:
        """The head at one moment."""
        shapes = {name: (cloud.means, cloud.unit_quats, cloud.scales) for name, cloud in self.clouds.items()}
        return self._drawn(*self.field(shapes, codes, expression))

    def _drawn(self, means: Tensor, quats: Tensor, scales: Tensor) -> Moved:
        clouds = [self.clouds[name] for name in BRANCHES]
        sh = torch.cat([torch.cat([c.sh0[:, None], c.shN], 1) for c in clouds])
        return Moved(means, quats, scales, torch.cat([c.opacities for c in clouds]), sh)

    @staticmethod
    def from_file(head: HeadFile) -> "HeadModel":
        """Raises UserError where the tensors do not fit the card."""
        if set(head.card.branches) != set(BRANCHES):
            raise UserError(
                f"{head.source}: has only the branches {', '.join(head.card.branches)}; training needs face and mouth."
            )
        settings = {name: BranchSettings.from_dict(head.card.branches[name]) for name in BRANCHES}
        channels = head.tensors.get("face.audio.feature_mean")
        if channels is None or channels.ndim != 1:
            raise UserError(f"{head.source}: face.audio.feature_mean is missing; export the head again.")
        model = HeadModel(
            settings, len(channels), {name: Cloud.from_gaussians(head.gaussians(name)) for name in BRANCHES}
        )
        weights = {
            name: torch.from_numpy(np.array(value))
            for name, value in head.tensors.items()
            if name.split(".")[1] in ("field", "audio")
        }
        try:
            model.field.load_state_dict(weights)
        except RuntimeError as trouble:
            raise UserError(
                f"{head.source}: its networks do not fit its card "
                f"({str(trouble).splitlines()[-1].strip()[:120]}); export the head again."
            ) from None
        return model

    def to_file(self, card: HeadCard) -> HeadFile:
        """The head as it lies on disk. Branch settings, code widths and fusion of `card` are taken from the model."""
        tensors = {name: value.detach().cpu().numpy().copy() for name, value in self.field.state_dict().items()}
        for branch, cloud in self.clouds.items():
            table: Gaussians = cloud.to_gaussians()
            for column, values in vars(table).items():
                tensors[f"{branch}.gaussians.{column}"] = values
        card = HeadCard(
            **{
                **vars(card),
                "branches": {n: s.to_dict() for n, s in self.settings.items()},
                "audio_code": {n: s.audio_code for n, s in self.settings.items()},
                "fusion": self.settings["face"].fusion,
            }
        )
        return HeadFile(card, tensors, card.name)
