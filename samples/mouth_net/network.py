# SPDX-License-Identifier: GPL-3.0-or-later
"""The net as it trains: core/audio/mouth_net.py in torch, on every fourth moment, with dropout.

All of a convolution's steps are multiples of 4, so that the moments 0, 4, 8 ... never meet the others: a quarter of
the work trains the same net.

Letters: M chunks, T moments of 40 ms, K measures, Q phone classes.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ...core.audio import MOUTH_MEASURES
from ...core.audio.mouth_net import BANDS, HIDDEN, OUTPUTS, PROJECTED, STEPS

EVERY = 4  # of the moments
DROPOUT = 0.1
NOISE = 0.1  # of the inputs' deviation


class MouthNetwork(nn.Module):
    """[M, T + reach, P + 3 B] -> measures [M,T,K] and logits [M,T,Q]."""

    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Linear(PROJECTED + 3 * BANDS, HIDDEN)
        self.steps = nn.ModuleList([nn.Conv1d(HIDDEN, HIDDEN, 3, dilation=step // EVERY) for step in STEPS])
        self.output = nn.Linear(HIDDEN, OUTPUTS)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        if self.training:
            inputs = inputs + NOISE * torch.randn_like(inputs)
        x = torch.relu(self.input(self.drop(inputs))).transpose(1, 2)
        for convolution, step in zip(self.steps, STEPS):
            edge = step // EVERY
            x = x[:, :, edge:-edge] + torch.relu(convolution(self.drop(x)))
        out = self.output(x.transpose(1, 2))
        return out[..., : len(MOUTH_MEASURES)], out[..., len(MOUTH_MEASURES) :]

    def tensors(self) -> dict[str, np.ndarray]:
        """The weights by the names of `mouth_net_shapes`, those of the projection left out."""
        state = {name: value.detach().numpy() for name, value in self.state_dict().items()}
        named = {f"{part}.weight": state[f"{part}.weight"].T for part in ("input", "output")}
        named |= {f"{part}.bias": state[f"{part}.bias"] for part in ("input", "output")}
        for i in range(len(STEPS)):
            named[f"step{i}.weight"] = state[f"steps.{i}.weight"].transpose(2, 1, 0)
            named[f"step{i}.bias"] = state[f"steps.{i}.bias"]
        return named
