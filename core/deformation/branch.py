# SPDX-License-Identifier: GPL-3.0-or-later
"""One branch of a head: canonical Gaussians + audio code + expression -> their offsets. The face and the inside
mouth are this one class with other settings. Knows nothing of sound, cameras or time.

Letters: N Gaussians, M of them inside the bounds, X = 3L spatial features, A audio code, E expression channels.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..performance import AUDIO_GATE, EXPRESSION_GATE, OUTPUTS, BranchSettings
from .fusion import FUSIONS
from .triplane import TriPlane


class Offsets(NamedTuple):
    """What one moment adds to the canonical Gaussians; rows outside the bounds are exactly zero."""

    d_means: Tensor  # [N,3] metres
    d_quats: Tensor | None  # [N,4] added to the unit quaternion before it is normalised; None: nothing rotates
    d_logscales: Tensor | None  # [N,3] added to log(scale); None: nothing grows
    inside: Tensor  # [N] bool, within the bounds


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers without bias, ReLU between: zero in, exactly zero out."""
    steps: list[nn.Module] = []
    for before, after in pairwise(widths):
        steps += [nn.Linear(before, after, bias=False), nn.ReLU()]
    return nn.Sequential(*steps[:-1])


class Branch(nn.Module):
    """TalkingGaussian's motion network with a choice of fusion.

    x = H(mean); a = c (.) gate(x); f = fusion(x, a); e_i = e (.) relu(expression_gate(x));
    offsets = MLP([x; f; e_i]), no biases. Not in the paper: both branches gate the audio by position
    (TalkingGaussian only the face's), because one rule for both keeps the motion zero outside the bounds.

    TalkingGaussian also predicts an opacity offset that it regularises but never applies: a column without
    effect on any picture, so it is left out.
    """

    motion: Tensor  # [3] metres a unit of network output

    def __init__(self, settings: BranchSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = TriPlane(settings)
        x = settings.spatial
        self.audio_gate = mlp(x, AUDIO_GATE, settings.audio_code)
        self.expression_gate = None
        if settings.expression:
            self.expression_gate = nn.Sequential(*mlp(x, EXPRESSION_GATE, settings.expression), nn.ReLU())
        self.fusion = FUSIONS[settings.fusion](settings)
        self.deform = mlp(
            x + self.fusion.width + settings.expression, settings.hidden, settings.hidden, settings.columns
        )
        self.register_buffer("motion", torch.tensor(settings.motion, dtype=torch.float32), persistent=False)

    def inside(self, means: Tensor) -> Tensor:
        """[N,3] metres -> [N] bool, within the bounds."""
        x01 = self.encoder.unit(means.detach())
        return ((x01 >= 0) & (x01 <= 1)).all(1)

    def forward(
        self,
        means: Tensor,  # [N,3] canonical, head space, metres
        code: Tensor,  # [A]
        expression: Tensor | None = None,  # [E]; None where the branch has none
    ) -> Offsets:
        """Offsets of all N Gaussians; only those inside the bounds are computed, the others get exact zeros.
        Raises ValueError for a missing expression."""
        inside = self.inside(means)
        rows = inside.nonzero().squeeze(1)
        everywhere = len(rows) == len(means)
        h = self._network(means if everywhere else means[rows], code, expression)
        if not everywhere:
            h = h.new_zeros(len(means), h.shape[1]).index_copy(0, rows, h)
        parts = dict(zip(self.settings.outputs, h.split([OUTPUTS[k] for k in self.settings.outputs], 1)))
        d_means = parts["means"] * self.motion if "means" in parts else torch.zeros_like(means)
        return Offsets(d_means, parts.get("quats"), parts.get("logscales"), inside)

    def _network(self, means: Tensor, code: Tensor, expression: Tensor | None) -> Tensor:  # -> [M,columns]
        x = self.encoder(means)
        a = self.audio_gate(x) * code
        inputs = [x, self.fusion(x, a)]
        if self.expression_gate is not None:
            if expression is None:
                raise ValueError(f"this branch needs {self.settings.expression} expression channels, got none")
            inputs.append(self.expression_gate(x) * expression)
        return self.deform(torch.cat(inputs, 1))


def apply_offsets(
    means: Tensor,  # [N,3] metres
    quats: Tensor,  # [N,4] wxyz
    scales: Tensor,  # [N,3] linear sigma
    offsets: Offsets,
) -> tuple[Tensor, Tensor, Tensor]:
    """The deformed Gaussians (means, quats, scales). Rows outside the bounds come back bit for bit.

    TalkingGaussian adds to its raw scale before softplus; ours are activated by exp, so the offset multiplies.
    """
    if offsets.d_quats is not None:
        rotated = nn.functional.normalize(quats + offsets.d_quats, dim=1)
        quats = torch.where(offsets.inside[:, None], rotated, quats)
    if offsets.d_logscales is not None:
        scales = scales * torch.exp(offsets.d_logscales)
    return means + offsets.d_means, quats, scales
