# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound features around one moment -> the audio code that drives one branch. Knows no encoder and no head:
any feature of C channels at 50 Hz will do.

TalkingGaussian's AudioNet and AudioAttNet, in the form it uses for 50 Hz features (HuBERT): 8 model frames
(i-4 .. i+3), each a window of W = 2 feature frames.

Letters: M moments, F = 8 frames, C feature channels, W = 2, A = 32 code.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear, pad

FRAMES = 8
WINDOW = 2
LEAK = 0.02


def _convolutions(*widths: int, stride: int) -> nn.Sequential:
    steps: list[nn.Module] = []
    for before, after in pairwise(widths):
        steps += [nn.Conv1d(before, after, kernel_size=3, stride=stride, padding=1), nn.LeakyReLU(LEAK)]
    return nn.Sequential(*steps)


class AudioNet(nn.Module):
    """[M,8,C,2] -> [M,A]. The features' mean and spread are kept beside the weights, so a head carries them."""

    feature_mean: Tensor  # [C]
    feature_std: Tensor  # [C]

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        self.register_buffer("feature_mean", torch.zeros(channels))
        self.register_buffer("feature_std", torch.ones(channels))
        # At W = 2 the first stride leaves one column; the rest see it between zeros, as in the original.
        self.frame = _convolutions(channels, 32, 32, 64, 64, stride=2)
        self.frame_code = nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(LEAK), nn.Linear(64, width))
        self.attention = _convolutions(width, 16, 8, 4, 2, 1, stride=1)
        self.attention_weights = nn.Linear(FRAMES, FRAMES)

    @property
    def channels(self) -> int:
        """C."""
        return len(self.feature_mean)

    @torch.no_grad()
    def normalise_to(self, features: Tensor) -> None:  # [T,C]
        """Take mean and spread from the training sound; channels that never change keep a spread of 1."""
        std, mean = torch.std_mean(features.float(), dim=0, unbiased=False)
        self.feature_mean.copy_(mean)
        self.feature_std.copy_(torch.where(std > 1e-6, std, 1.0))

    def forward(self, windows: Tensor) -> Tensor:
        """[M,8,C,2] -> [M,A]. Raises ValueError for other shapes."""
        m = len(windows)
        if windows.shape[1:] != (FRAMES, self.channels, WINDOW):
            expected = f"[M,{FRAMES},{self.channels},{WINDOW}]"
            raise ValueError(f"audio windows are {tuple(windows.shape)}, expected {expected}")
        x = (windows - self.feature_mean[:, None]) / self.feature_std[:, None]
        frames = self.frame_code(self._frames(x.reshape(m * FRAMES, -1))).reshape(m, FRAMES, -1)
        weights = torch.softmax(self.attention_weights(self._attended(frames)), dim=1)
        return (weights[:, :, None] * frames).sum(1)

    def _frames(self, x: Tensor) -> Tensor:
        """[M*8,C*2] -> [M*8,64]: `frame` as products, as in `performance.AudioInference`, its twin: what meets padding
        alone is left out. Half the time of convolutions so small."""
        first, *others = (layer for layer in self.frame if isinstance(layer, nn.Conv1d))
        x = linear(x, first.weight[:, :, 1:].flatten(1), first.bias)
        for layer in others:
            x = linear(leaky_relu(x, LEAK), layer.weight[:, :, 1], layer.bias)
        return leaky_relu(x, LEAK)

    def _attended(self, frames: Tensor) -> Tensor:
        """[M,8,A] -> [M,8]: `attention`, its three taps side by side in one product."""
        x = frames
        for layer in (layer for layer in self.attention if isinstance(layer, nn.Conv1d)):
            x = pad(x, (0, 0, 1, 1))
            taps = torch.cat([x[:, :-2], x[:, 1:-1], x[:, 2:]], dim=2)
            x = leaky_relu(linear(taps, layer.weight.transpose(1, 2).flatten(1), layer.bias), LEAK)
        return x.squeeze(2)
