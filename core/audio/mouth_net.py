# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of `mouth_shapes` in numpy, and its file: safetensors whose metadata hold a JSON card.

A moment's input is joined from its speech features and the sound's bands at three moments around it; residual
convolutions over time with ever wider steps follow, ReLU behind each, no padding: REACH moments on both sides are used
up. The last layer gives the measures, then the logits of the phone classes. Networks of several seeds are averaged.
not in the paper: chosen because the average moves the mouth less where nobody speaks (docs/research/any_voice.md).

Letters: N networks, T moments of a 10 ms grid, F speech features, B bands, P projected features, H hidden channels, K
measures, Q phone classes.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..formats import UserError, from_json, read_tensors
from .mouth_measures import MOUTH_MEASURES

MOUTH_NET = Path(__file__).parent / "mouth_net_weights" / "mouth_net.safetensors"
FORMAT = "talksplat.mouth_net"
# Moments between a convolution's three taps. Not in the paper: chosen as multiples of 4, so that training needs every
# fourth moment; the bands in between tell it when a closure begins.
STEPS = (4, 8, 16)
BAND_STEP = 2  # moments between the three of the bands
REACH = BAND_STEP + sum(STEPS)  # moments: 0.3 s
NETWORKS, FEATURES, BANDS, PROJECTED, HIDDEN = 2, 288, 8, 96, 96  # N, F, B, P, H
# Q: what is heard, in the order of the recipe's phonetic table.
PHONE_CLASSES = (
    "silence", "p b", "m", "f v", "w", "uw", "uh", "ao", "sh", "r", "er", "aa", "ae", "ah", "eh", "ih", "iy", "s", "th",
    "l", "t d", "n", "k g ng", "h",
)  # fmt: skip
OUTPUTS = len(MOUTH_MEASURES) + len(PHONE_CLASSES)
ONE_THREAD = 1 << 18  # multiplications of a product: more of them OpenBLAS spreads over threads (interface/gemm.c)
LARGEST_MEASURE = 1.25  # of a measure's range: a shout may open wider than what counts as 1


def mouth_net_shapes() -> dict[str, tuple[int, ...]]:
    """The tensors of the file by name."""
    shapes: dict[str, tuple[int, ...]] = {
        "project.weight": (FEATURES, PROJECTED),
        "project.bias": (PROJECTED,),
        "input.weight": (NETWORKS, PROJECTED + 3 * BANDS, HIDDEN),
        "input.bias": (NETWORKS, HIDDEN),
    }
    for i in range(len(STEPS)):
        shapes[f"step{i}.weight"], shapes[f"step{i}.bias"] = (NETWORKS, 3, HIDDEN, HIDDEN), (NETWORKS, HIDDEN)
    return shapes | {"output.weight": (NETWORKS, HIDDEN, OUTPUTS), "output.bias": (NETWORKS, OUTPUTS)}


@dataclass(frozen=True)
class MouthNet:
    """The networks with their weights."""

    tensors: dict[str, np.ndarray]  # by the names of `mouth_net_shapes`, float32

    def project(self, features: np.ndarray) -> np.ndarray:
        """Speech features [...,F] -> [...,P]."""
        return product(features, self.tensors["project.weight"]) + self.tensors["project.bias"]

    def __call__(
        self,
        speech: np.ndarray,  # [T + 2 REACH, P] float32, projected
        bands: np.ndarray,  # [T + 2 REACH, B] float32
    ) -> np.ndarray:
        """[T, K + Q] float32: measures 0 .. LARGEST_MEASURE, then the phone classes' probabilities."""
        inputs = join_inputs(speech, bands)
        out = np.mean([self._one(n, inputs) for n in range(NETWORKS)], axis=0)
        measures, logits = out[:, : len(MOUTH_MEASURES)], out[:, len(MOUTH_MEASURES) :]
        np.clip(measures, 0, LARGEST_MEASURE, out=measures)
        np.exp(logits - logits.max(axis=1, keepdims=True), out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return out

    def _one(self, n: int, inputs: np.ndarray) -> np.ndarray:
        """[T, K + Q]: what network n makes of [T + 2 sum of STEPS, P + 3 B]."""
        x = product(inputs, self.tensors["input.weight"][n])
        x += self.tensors["input.bias"][n]
        np.maximum(x, 0, out=x)
        for i, step in enumerate(STEPS):
            weight, count = self.tensors[f"step{i}.weight"][n], len(x) - 2 * step
            y = product(x[:count], weight[0])
            y += product(x[step : step + count], weight[1])
            y += product(x[2 * step :], weight[2])
            y += self.tensors[f"step{i}.bias"][n]
            x = x[step : step + count] + np.maximum(y, 0, out=y)
        return product(x, self.tensors["output.weight"][n]) + self.tensors["output.bias"][n]


def product(
    rows: np.ndarray,  # [T,I] float32, C-contiguous
    weight: np.ndarray,  # [I,O] float32
) -> np.ndarray:
    """rows @ weight, [T,O], a few rows at a time, so that OpenBLAS stays on this thread.

    Not in the paper: chosen because its other threads wait for each other while Moonshine has the cores.
    """
    together = max(ONE_THREAD // weight.size, 1)
    whole = len(rows) // together * together
    out = np.empty((len(rows), weight.shape[1]), np.float32)
    blocks = rows[:whole].reshape(-1, together, rows.shape[1])
    np.matmul(blocks, weight, out=out[:whole].reshape(-1, together, weight.shape[1]))
    np.matmul(rows[whole:], weight, out=out[whole:])
    return out


def join_inputs(
    speech: np.ndarray,  # [T + 2 BAND_STEP, P]
    bands: np.ndarray,  # [T + 2 BAND_STEP, B]
) -> np.ndarray:
    """[T, P + 3 B]: a moment's speech, and its bands before, now and after."""
    now = slice(BAND_STEP, len(bands) - BAND_STEP)
    return np.concatenate([speech[now], bands[: -2 * BAND_STEP], bands[now], bands[2 * BAND_STEP :]], axis=1)


@lru_cache(maxsize=2)
def load_mouth_net(path: Path = MOUTH_NET) -> MouthNet:
    """Raises UserError for what is not such a file, and for one with other channels than ours."""
    return MouthNet(_read(path)[0])


def mouth_net_card(path: Path = MOUTH_NET) -> dict[str, Any]:
    """What the net was trained on, under which licences; the keys are those of the recipe (`samples.mouth_net`).

    Raises UserError as `load_mouth_net`.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    fix = "make it again with samples.mouth_net, or reinstall talksplat"
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise UserError(f"{path}: is not a net for mouth shapes; {fix}.")
    card = from_json(metadata.get("card", ""), str(path))
    try:
        channels = [*card["measures"], *card["phone_classes"]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: its card does not name its channels; {fix}.") from error
    if channels != [*(measure.name for measure in MOUTH_MEASURES), *PHONE_CLASSES]:
        raise UserError(f"{path}: its channels are those of another version of talksplat; {fix}.")
    shapes = mouth_net_shapes()
    if {name: tensor.shape for name, tensor in tensors.items()} != shapes:
        raise UserError(f"{path}: its tensors are not those of a net for mouth shapes; {fix}.")
    tensors = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise UserError(f"{path}: it holds numbers that are not finite; {fix}.")
    return tensors, card
