# SPDX-License-Identifier: GPL-3.0-or-later
"""The branch network between the encoding and its first activation, folded: what depends on the Gaussian alone is
computed once per head, what depends on the moment goes into the weights once per frame.

One class a fusion, the twin of the class of the same name in `deformation/fusion.py`, which derives the folding.
Everything is channel-major ([channels, Gaussians]), so that halves of a product are contiguous.

Letters: c Gaussians of one chunk, X spatial features, A audio code, E expression channels, F fused, H hidden;
x [X,c] features, k [A,c] audio gate, r [E,c] expression gate; W1 = [W1x | W1f | W1e] the first layer.
"""

import numpy as np

from .branch_settings import BranchSettings

Weights = dict[str, np.ndarray]


class LinearFolding:
    """f is linear in the audio: first layer = static + [W1f W_a diag(code) | W1e diag(expression)] [k; r]."""

    @staticmethod
    def shapes(settings: BranchSettings) -> dict[str, tuple[int, ...]]:
        """The fusion's own tensors; "width" is how many columns it takes of the first layer."""
        return {}

    @staticmethod
    def width(settings: BranchSettings) -> int:
        return settings.audio_code

    def __init__(self, weights: Weights, settings: BranchSettings) -> None:
        x, f = settings.spatial, self.width(settings)
        self.w1x, w1f, self.w1e = np.split(weights["deform.0.weight"], [x, x + f], axis=1)
        self.w1a = self._unfused(w1f, weights, settings)

    def _unfused(self, w1f: np.ndarray, weights: Weights, settings: BranchSettings) -> np.ndarray:
        return w1f

    def static(self, x: np.ndarray, k: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, ...]:
        """What a chunk keeps: [k; r] [A+E,c] and the spatial share of the first layer [H,c]."""
        return np.concatenate([k, r]), self.w1x @ x

    def begin(self, code: np.ndarray, expression: np.ndarray) -> None:  # [A], [E]
        """Fold one moment into the weights."""
        self.folded = np.concatenate([self.w1a * code, self.w1e * expression], axis=1)

    def scratch(self, c: int) -> tuple[np.ndarray, ...]:
        """Work space for a chunk of c Gaussians."""
        return ()

    def first_layer(self, kept: tuple[np.ndarray, ...], scratch: tuple[np.ndarray, ...], out: np.ndarray) -> None:
        """Write the first layer before its activation into `out` [H,c]."""
        gates, spatial = kept
        np.matmul(self.folded, gates, out=out)
        out += spatial


class AttentionFolding(LinearFolding):
    """f = a."""


class ConcatFolding(LinearFolding):
    """f = [W_x x; W_a a]."""

    @staticmethod
    def shapes(settings: BranchSettings) -> dict[str, tuple[int, ...]]:
        return {
            "fusion.spatial.weight": (settings.fused, settings.spatial),
            "fusion.audio.weight": (settings.fused, settings.audio_code),
        }

    @staticmethod
    def width(settings: BranchSettings) -> int:
        return 2 * settings.fused

    def _unfused(self, w1f: np.ndarray, weights: Weights, settings: BranchSettings) -> np.ndarray:
        self.w1x = self.w1x + w1f[:, : settings.fused] @ weights["fusion.spatial.weight"]
        return w1f[:, settings.fused :] @ weights["fusion.audio.weight"]


class GatedFolding(LinearFolding):
    """f = u + (v - u) / (1 + exp(-p - q)): u = W_x x and p = W_gu u + b_g are kept, v and q are one product with k.
    The signs are folded in too, so a chunk computes [v - u; -p - q] directly."""

    @staticmethod
    def shapes(settings: BranchSettings) -> dict[str, tuple[int, ...]]:
        f = settings.fused
        return {
            "fusion.spatial.weight": (f, settings.spatial),
            "fusion.audio.weight": (f, settings.audio_code),
            "fusion.gate.weight": (f, 2 * f),
            "fusion.gate.bias": (f,),
        }

    @staticmethod
    def width(settings: BranchSettings) -> int:
        return settings.fused

    def _unfused(self, w1f: np.ndarray, weights: Weights, settings: BranchSettings) -> np.ndarray:
        f = settings.fused
        self.w1f = w1f
        self.spatial, audio = weights["fusion.spatial.weight"], weights["fusion.audio.weight"]
        self.gate_u, gate_v = weights["fusion.gate.weight"][:, :f], weights["fusion.gate.weight"][:, f:]
        self.bias = weights["fusion.gate.bias"][:, None]
        return np.concatenate([audio, -gate_v @ audio])

    def static(self, x: np.ndarray, k: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, ...]:
        """k [A,c], r [E,c], [-u; -p] [2F,c] and W1x x + W1f u [H,c]."""
        u = self.spatial @ x
        return k, r, np.concatenate([-u, -(self.gate_u @ u + self.bias)]), self.w1x @ x + self.w1f @ u

    def begin(self, code: np.ndarray, expression: np.ndarray) -> None:
        self.folded = self.w1a * code
        self.second = np.concatenate([self.w1f, self.w1e * expression], axis=1)

    def scratch(self, c: int) -> tuple[np.ndarray, ...]:
        f = self.w1f.shape[1]
        return np.empty((2 * f, c), np.float32), np.empty((f + self.w1e.shape[1], c), np.float32)

    def first_layer(self, kept: tuple[np.ndarray, ...], scratch: tuple[np.ndarray, ...], out: np.ndarray) -> None:
        (k, r, static, spatial), (both, seen) = kept, scratch
        f = self.w1f.shape[1]
        np.matmul(self.folded, k, out=both)
        both += static
        gate = both[f:]
        # exp may overflow to infinity: the gate is then 0, which is right.
        np.exp(gate, out=gate)
        gate += 1.0
        np.divide(both[:f], gate, out=seen[:f])
        seen[f:] = r
        np.matmul(self.second, seen, out=out)
        out += spatial


FOLDINGS = {"gated": GatedFolding, "attention": AttentionFolding, "concat": ConcatFolding}
