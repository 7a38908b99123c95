# SPDX-License-Identifier: GPL-3.0-or-later
"""The fusions: their table, and how the replay folds each. What depends on the Gaussian alone is computed once per
head, what depends on the moment goes into the weights once per frame.

Adding one: a subclass of `Folding` here, its torch twin in `deformation/fusion.py` (which derives the folding), and a
line in `FUSION_TYPES`. Everything is channel-major ([channels, Gaussians]), so that halves of a product are contiguous.

Letters: c Gaussians of one chunk, X spatial features, A audio code, E expression channels, F fused, H hidden;
x [X,c] features, k [A,c] audio gate, r [E,c] expression gate; W1 = [W1x | W1f | W1e] the first layer.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

import numpy as np

Weights = dict[str, np.ndarray]  # a branch's tensors by name, float32


class FusionWidths(Protocol):
    """What a fusion must know of its branch; `BranchSettings` has it."""

    @property
    def spatial(self) -> int:
        """X."""
        ...

    @property
    def audio_code(self) -> int:
        """A."""
        ...

    @property
    def fused(self) -> int:
        """F."""
        ...


class Folding(ABC):
    """One fusion and the first layer behind it."""

    @staticmethod
    def shapes(widths: FusionWidths) -> dict[str, tuple[int, ...]]:
        """The fusion's own tensors, as its torch twin names them below `fusion.`."""
        return {}

    @staticmethod
    @abstractmethod
    def width(widths: FusionWidths) -> int:
        """How many columns of the first layer the fusion feeds."""

    def __init__(self, weights: Weights, widths: FusionWidths) -> None:
        x, f = widths.spatial, self.width(widths)
        self.w1x, self.w1f, self.w1e = np.split(weights["deform.0.weight"], [x, x + f], axis=1)

    @abstractmethod
    def static(self, x: np.ndarray, k: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, ...]:
        """What a chunk keeps: arrays [...,c] that no moment changes."""

    @abstractmethod
    def begin(self, code: np.ndarray, expression: np.ndarray) -> None:
        """Fold one moment, code [A] and expression [E], into the weights."""

    def scratch(self, c: int) -> tuple[np.ndarray, ...]:
        """Work space for a chunk of c Gaussians."""
        return ()

    @abstractmethod
    def first_layer(self, static: tuple[np.ndarray, ...], scratch: tuple[np.ndarray, ...], out: np.ndarray) -> None:
        """Write the first layer before its activation into `out` [H,c]."""


class LinearFolding(Folding):
    """f is linear in x and a: first layer = static + [w1a diag(code) | W1e diag(expression)] [k; r]."""

    w1a: np.ndarray  # [H,A] the audio's share of the first layer, through the fusion; a subclass sets it

    def static(self, x: np.ndarray, k: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, ...]:
        """[k; r] [A+E,c] and the spatial share of the first layer [H,c]."""
        return np.concatenate([k, r]), self.w1x @ x

    def begin(self, code: np.ndarray, expression: np.ndarray) -> None:
        """One product a chunk remains."""
        self.folded = np.concatenate([self.w1a * code, self.w1e * expression], axis=1)

    def first_layer(self, static: tuple[np.ndarray, ...], scratch: tuple[np.ndarray, ...], out: np.ndarray) -> None:
        """[H,c]."""
        gates, spatial = static
        np.matmul(self.folded, gates, out=out)
        out += spatial


class AttentionFolding(LinearFolding):
    """f = a."""

    @staticmethod
    def width(widths: FusionWidths) -> int:
        """A."""
        return widths.audio_code

    def __init__(self, weights: Weights, widths: FusionWidths) -> None:
        super().__init__(weights, widths)
        self.w1a = self.w1f


class ConcatFolding(LinearFolding):
    """f = [W_x x; W_a a]."""

    @staticmethod
    def shapes(widths: FusionWidths) -> dict[str, tuple[int, ...]]:
        """W_x and W_a."""
        return {
            "fusion.spatial.weight": (widths.fused, widths.spatial),
            "fusion.audio.weight": (widths.fused, widths.audio_code),
        }

    @staticmethod
    def width(widths: FusionWidths) -> int:
        """2F."""
        return 2 * widths.fused

    def __init__(self, weights: Weights, widths: FusionWidths) -> None:
        super().__init__(weights, widths)
        by_spatial, by_audio = np.hsplit(self.w1f, 2)
        self.w1x = self.w1x + by_spatial @ weights["fusion.spatial.weight"]
        self.w1a = by_audio @ weights["fusion.audio.weight"]


class GatedFolding(Folding):
    """f = u + (v - u) / (1 + exp(-p - q)): u = W_x x and p = W_gu u + b_g are kept, v and q are one product with k.
    The signs are folded in too, so a chunk computes [v - u; -p - q] directly."""

    @staticmethod
    def shapes(widths: FusionWidths) -> dict[str, tuple[int, ...]]:
        """W_x, W_a, W_g = [W_gu | W_gv] and b_g."""
        f = widths.fused
        return {
            "fusion.spatial.weight": (f, widths.spatial),
            "fusion.audio.weight": (f, widths.audio_code),
            "fusion.gate.weight": (f, 2 * f),
            "fusion.gate.bias": (f,),
        }

    @staticmethod
    def width(widths: FusionWidths) -> int:
        """F."""
        return widths.fused

    def __init__(self, weights: Weights, widths: FusionWidths) -> None:
        super().__init__(weights, widths)
        self.spatial, audio = weights["fusion.spatial.weight"], weights["fusion.audio.weight"]
        self.gate_u, gate_v = np.hsplit(weights["fusion.gate.weight"], 2)
        self.bias = weights["fusion.gate.bias"][:, None]
        self.audio = np.concatenate([audio, -gate_v @ audio])  # k -> [v; -q]

    def static(self, x: np.ndarray, k: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, ...]:
        """k [A,c], r [E,c], [-u; -p] [2F,c] and W1x x + W1f u [H,c]."""
        u = self.spatial @ x
        return k, r, np.concatenate([-u, -(self.gate_u @ u + self.bias)]), self.w1x @ x + self.w1f @ u

    def begin(self, code: np.ndarray, expression: np.ndarray) -> None:
        """Two products a chunk remain."""
        self.folded_audio = self.audio * code
        self.folded_layer = np.concatenate([self.w1f, self.w1e * expression], axis=1)

    def scratch(self, c: int) -> tuple[np.ndarray, ...]:
        """[v - u; -p - q] [2F,c] and what the first layer sees of the moment [F+E,c]."""
        f = self.w1f.shape[1]
        return np.empty((2 * f, c), np.float32), np.empty((f + self.w1e.shape[1], c), np.float32)

    def first_layer(self, static: tuple[np.ndarray, ...], scratch: tuple[np.ndarray, ...], out: np.ndarray) -> None:
        """[H,c]."""
        (k, r, minus_up, spatial), (difference_gate, inputs) = static, scratch
        f = self.w1f.shape[1]
        np.matmul(self.folded_audio, k, out=difference_gate)
        difference_gate += minus_up
        gate = difference_gate[f:]
        # exp may overflow to infinity: the gate is then 0, which is right.
        np.exp(gate, out=gate)
        gate += 1.0
        np.divide(difference_gate[:f], gate, out=inputs[:f])
        inputs[f:] = r
        np.matmul(self.folded_layer, inputs, out=out)
        out += spatial


class FusionType(NamedTuple):
    """A fusion: its numpy half here and its torch half."""

    folding: type[Folding]
    network: (
        str  # the name of its class in deformation/fusion.py, which this package cannot import: Blender has no torch
    )


# The fusions by the name that a head's card stores; `deformation.FUSIONS` has the torch classes of the same rows.
FUSION_TYPES: dict[str, FusionType] = {
    "gated": FusionType(GatedFolding, "GatedFusion"),
    "attention": FusionType(AttentionFolding, "AttentionFusion"),
    "concat": FusionType(ConcatFolding, "ConcatFusion"),
}
