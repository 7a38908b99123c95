# SPDX-License-Identifier: GPL-3.0-or-later
"""How a Gaussian's spatial features x and its share of the audio a become what the deformation network sees.

Every fusion keeps one property: x = 0 and a = 0 give f = 0 exactly, so what has no encoding never moves
(the audio gate has no bias, hence a = 0 wherever x = 0).

Each states its folding: what the replay computes once per head, and what is left for a frame. With k = gate(x)
constant per Gaussian and a = c (.) k, any W a is (W diag(c)) k: the code goes into the weights, not into N rows.

Adding one: a class here, its numpy twin in `performance/folding.py`, and one line in FUSION_TYPES there.

Letters: N Gaussians, X spatial features, A audio code c, F fused width.
"""

import torch
from torch import Tensor, nn

from ..performance import FUSION_TYPES, BranchSettings


class Fusion(nn.Module):
    """x [N,X], a [N,A] -> f [N,width]. A subclass takes the branch's settings and sets `width`."""

    width: int


class GatedFusion(Fusion):
    """Multimodal Gated Fusion: u = W_x x; v = W_a a; g = sigmoid(W_g [u; v] + b_g); f = g (.) v + (1-g) (.) u.

    Not in the paper (its equations are not public): chosen because it is the plainest gate between two
    modalities that uses both to decide. Zero outside: x = 0, a = 0 -> u = v = 0, and g is finite whatever b_g,
    so f = g*0 + (1-g)*0 = 0.

    Folding. Once: u, and p = W_gu u + b_g. A frame: [v, q] = k [W_a diag(c); W_gv W_a diag(c)]^T in one product,
    f = u + sigmoid(p + q) (.) (v - u).
    """

    def __init__(self, settings: BranchSettings) -> None:
        super().__init__()
        self.width = settings.fused
        self.spatial = nn.Linear(settings.spatial, self.width, bias=False)
        self.audio = nn.Linear(settings.audio_code, self.width, bias=False)
        self.gate = nn.Linear(2 * self.width, self.width)
        nn.init.zeros_(self.gate.bias)  # both modalities count the same before training

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        """[N,X], [N,A] -> [N,F]."""
        u, v = self.spatial(x), self.audio(a)
        g = torch.sigmoid(self.gate(torch.cat([u, v], 1)))
        return g * v + (1.0 - g) * u


class AttentionFusion(Fusion):
    """TalkingGaussian's: f = a, the audio attended by position.

    Folding. A frame: W f = (W diag(c)) k, nothing else.
    """

    def __init__(self, settings: BranchSettings) -> None:
        super().__init__()
        self.width = settings.audio_code

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        """[N,X], [N,A] -> [N,A]."""
        return a


class ConcatFusion(Fusion):
    """The ablation without a gate: f = [W_x x; W_a a], so both are projected but nothing chooses.

    Folding. Once: W_x x and, behind it, its share of the first layer. A frame: (W_a diag(c)) k.
    """

    def __init__(self, settings: BranchSettings) -> None:
        super().__init__()
        self.width = 2 * settings.fused
        self.spatial = nn.Linear(settings.spatial, settings.fused, bias=False)
        self.audio = nn.Linear(settings.audio_code, settings.fused, bias=False)

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        """[N,X], [N,A] -> [N,2F]."""
        return torch.cat([self.spatial(x), self.audio(a)], 1)


FUSIONS: dict[str, type[Fusion]] = {name: globals()[fusion.network] for name, fusion in FUSION_TYPES.items()}
