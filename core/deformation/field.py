# SPDX-License-Identifier: GPL-3.0-or-later
"""Both branches together: audio windows or codes in, the whole head's moved Gaussians out (face, then inside mouth).

Parameter names are the tensor names of a `.head`: `face.field.*`, `face.audio.*`, `mouth.field.*`, `mouth.audio.*`.

Letters: N Gaussians of one branch, A audio code, E expression channels, C feature channels.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..formats import BRANCHES
from ..performance import BranchSettings
from .audio_net import AudioNet
from .branch import Branch, apply_offsets

Shape = tuple[Tensor, Tensor, Tensor]  # means [N,3], quats [N,4], scales [N,3]


class AudioDrivenBranch(nn.Module):
    """A branch and its own audio net: audio windows -> code -> offsets."""

    def __init__(self, settings: BranchSettings, channels: int) -> None:
        super().__init__()
        self.field = Branch(settings)
        self.audio = AudioNet(channels, settings.audio_code)


class HeadField(nn.Module):
    """Face and inside mouth composed. Raises ValueError for branches that no head has."""

    def __init__(self, settings: Mapping[str, BranchSettings], channels: int) -> None:
        super().__init__()
        if not settings or set(settings) - set(BRANCHES):
            raise ValueError(f"a head's branches are some of {BRANCHES}, got {tuple(settings)}")
        self.branches = tuple(name for name in BRANCHES if name in settings)
        for name in self.branches:
            self.add_module(name, AudioDrivenBranch(settings[name], channels))

    def branch(self, name: str) -> AudioDrivenBranch:
        """One branch by name."""
        return getattr(self, name)

    def codes(self, windows: Tensor) -> dict[str, Tensor]:
        """Audio windows [M,8,C,2] -> {"face": [M,A], "mouth": [M,A]}."""
        return {name: self.branch(name).audio(windows) for name in self.branches}

    def forward(
        self,
        canonical: Mapping[str, Shape],  # by branch
        codes: Mapping[str, Tensor],  # by branch, [A]
        expression: Tensor | None = None,  # [E]: every branch that has an expression gate gets all of it
    ) -> Shape:
        """The moved head: face rows, then inside-mouth rows. Metres in head space, unit quaternions, linear sigma."""
        moved = []
        for name in self.branches:
            field, (means, quats, scales) = self.branch(name).field, canonical[name]
            moved.append(apply_offsets(means, quats, scales, field(means, codes[name], expression)))
        means, quats, scales = (torch.cat(columns) for columns in zip(*moved))
        return means, quats, scales
