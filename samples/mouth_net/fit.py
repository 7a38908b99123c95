# SPDX-License-Identifier: GPL-3.0-or-later
"""Training: chunks of three seconds, a loss of shapes, of their movement and of phones, an average of the weights.

Letters: M chunks, T moments of 40 ms, K measures.
"""

import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ...core.audio import MOUTH_MEASURES, PHONE_CLASSES
from ...core.audio.mouth_net import PROJECTED, REACH, STEPS, join_inputs
from .examples import Example
from .network import EVERY, MouthNetwork
from .sounds import HELD

CHUNK = 300  # moments of 10 ms
EDGE = sum(STEPS)  # moments that the convolutions use up on either side
# Where a chunk comes from. Not in the paper: chosen because s1 is one person, however many clips there are.
SHARES = {"voices": 0.46, "held": 0.05, "talkers": 0.2, "own": 0.23, "nobody": 0.06}
MEASURE_WEIGHTS = {"lips_apart": 3.0, "mouth_width": 1.5, "lip_press": 1.0}  # others 0.5
CLOSURE_WEIGHT = 4.0  # more of a moment in which the lips touch
MOVEMENT, PHONES = 0.5, 0.15  # weights of 1 - r in a chunk of real lips, and of the phones' cross entropy
RATE, DECAY = 2e-3, 0.01
CLOSURES = [PHONE_CLASSES.index(name) for name in ("p b", "m")]
AVERAGE = 0.998  # of the weights, a step
# A phone recogniser hears many phones wrongly. A closure that it hears and the half-trained net does not at all, or the
# net for certain and it does not, is left out from then on ("confident learning", Northcutt, Jiang & Chuang, J. Artif.
# Intell. Res. 70:1373, 2021).
DOUBT_AT = 0.3  # of the steps
UNHEARD, CERTAIN = 0.1, 0.7  # of the closures' probability
PRINTED = 500  # steps
BESIDE = 3  # moments around a doubtful one that are left out with it


@dataclass(frozen=True)
class Rows:
    """An example ready to be cut into chunks."""

    inputs: np.ndarray  # [EDGE + T + EDGE, P + 3 B] float32
    measures: np.ndarray  # [T,K]
    weights: np.ndarray  # [T,K]
    classes: np.ndarray  # [T]
    is_filmed: bool
    is_guessed: bool  # its phones are without a transcript


@dataclass(frozen=True)
class Projection:
    """Whitened principal components of speech features."""

    weight: np.ndarray  # [F,P] float32
    bias: np.ndarray  # [P]


def fit_projection(examples: list[Example]) -> Projection:
    """Of the recorded versions."""
    values = np.concatenate([e.features.values for e in examples if e.version == "as_recorded"]).astype(np.float64)
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
    scaled = (values - mean) / deviation
    sizes, directions = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    weight = (directions[:, ::-1] / np.sqrt(sizes[::-1] + 1e-3))[:, :PROJECTED] / deviation[:, None]
    return Projection(weight.astype(np.float32), (-mean @ weight).astype(np.float32))


def make_rows(example: Example, projection: Projection) -> Rows:
    """The inputs as the encoder makes them."""
    features = example.features
    times = (np.arange(len(example.bands)) - REACH) * 0.01
    position = np.clip((times - features.times[0]) / features.hop, 0, len(features.times) - 1)
    below = np.minimum(position.astype(int), len(features.times) - 2)
    projected = features.values @ projection.weight + projection.bias
    share = (position - below)[:, None]
    speech = (1 - share) * projected[below] + share * projected[below + 1]
    weights = example.weights[:, None] * np.array([MEASURE_WEIGHTS.get(m.name, 0.5) for m in MOUTH_MEASURES])
    weights[:, 0] *= 1 + CLOSURE_WEIGHT * np.isin(example.classes, CLOSURES)
    return Rows(
        join_inputs(speech, example.bands).astype(np.float32), example.measures,
        weights.astype(np.float32), example.classes.copy(), example.clip is not None and example.clip.has_lips,
        example.is_guessed,
    )  # fmt: skip


def group_of(example: Example) -> str:
    """The key of SHARES."""
    if example.clip is None:
        return "nobody"
    if not example.clip.has_lips:
        return "held" if example.version == HELD else "voices"
    return "own" if example.clip.speaker == "s1" else "talkers"


class Batches:
    """Chunks drawn by SHARES, within a group by length."""

    def __init__(self, groups: dict[str, list[Rows]], seed: int) -> None:
        self._rng, self._groups = np.random.default_rng(seed), groups
        self._odds = {name: np.array([len(r.measures) for r in rows], float) for name, rows in groups.items()}

    def draw(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(inputs [M,T+,P+3B], measures [M,T,K], weights [M,T,K], classes [M,T], filmed [M])."""
        names = self._rng.choice(list(SHARES), count, p=list(SHARES.values()))
        chunks = [self._chunk(str(name)) for name in names]
        inputs, measures, weights, classes, filmed = (np.stack(part) for part in zip(*chunks))
        return (
            torch.from_numpy(inputs), torch.from_numpy(measures), torch.from_numpy(weights),
            torch.from_numpy(classes), torch.from_numpy(filmed),
        )  # fmt: skip

    def _chunk(self, name: str) -> tuple[np.ndarray, ...]:
        odds = self._odds[name]
        rows = self._groups[name][int(self._rng.choice(len(odds), p=odds / odds.sum()))]
        length = len(rows.measures)
        start = int(self._rng.integers(min(0, length - CHUNK), max(0, length - CHUNK) + 1))
        wanted = np.arange(start, start + CHUNK, EVERY)
        inside = (wanted >= 0) & (wanted < length)
        at = np.clip(wanted, 0, length - 1)
        around = np.clip(np.arange(start, start + CHUNK + 2 * EDGE, EVERY), 0, length + 2 * EDGE - 1)
        return (
            rows.inputs[around], rows.measures[at], rows.weights[at] * inside[:, None],
            np.where(inside, rows.classes[at], -1), np.array(rows.is_filmed),
        )  # fmt: skip


def fit(groups: dict[str, list[Rows]], steps: int, batch: int, seed: int) -> MouthNetwork:
    """The average of the weights along the way; prints the mean loss every PRINTED steps."""
    torch.manual_seed(seed)
    groups = {name: [_own_doubts(row) for row in rows] for name, rows in groups.items()}
    batches, network = Batches(groups, seed), MouthNetwork()
    averaged = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    total = 0.0
    for step in range(1, steps + 1):
        if step == round(DOUBT_AT * steps):
            leave_out_doubtful(averaged, [row for rows in groups.values() for row in rows if row.is_guessed])
        optimizer.param_groups[0]["lr"] = RATE * min(step / 100, 0.5 * (1 + math.cos(math.pi * step / steps)))
        loss = _loss(network, *batches.draw(batch))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        keep = min(AVERAGE, step / (step + 10))
        with torch.no_grad():
            for mean, value in zip(averaged.parameters(), network.parameters()):
                mean.lerp_(value, 1 - keep)
        total += float(loss.detach())
        if step % PRINTED == 0:
            print(f"step {step} of {steps}, loss {total / PRINTED:.3f}", flush=True)
            total = 0.0
    return averaged


def _own_doubts(row: Rows) -> Rows:
    """The same, of which `leave_out_doubtful` changes nothing that another training sees."""
    return replace(row, weights=row.weights.copy(), classes=row.classes.copy())


def leave_out_doubtful(network: MouthNetwork, guessed: list[Rows]) -> None:
    """Sets weights and classes of the moments whose closure is in doubt to nothing, in place."""
    for row in guessed:
        with torch.no_grad():
            logits = network(torch.from_numpy(row.inputs[None, ::EVERY]))[1][0]
        closing = np.repeat(torch.softmax(logits, -1)[:, CLOSURES].sum(-1).numpy(), EVERY)[: len(row.classes)]
        closing = np.pad(closing, (0, len(row.classes) - len(closing)), mode="edge")
        heard = np.isin(row.classes, CLOSURES)
        doubtful = np.where(heard, closing < UNHEARD, closing > CERTAIN)
        doubtful = np.convolve(doubtful, np.ones(2 * BESIDE + 1), "same") > 0
        row.weights[doubtful] = 0
        row.classes[doubtful] = -1


def _loss(
    network: MouthNetwork, inputs: Tensor, measures: Tensor, weights: Tensor, classes: Tensor, filmed: Tensor
) -> Tensor:
    shapes, logits = network(inputs)
    loss = (weights * nn.functional.smooth_l1_loss(shapes, measures, reduction="none", beta=0.2)).mean() * 10
    known = classes >= 0
    loss = loss + PHONES * nn.functional.cross_entropy(logits[known], classes[known])
    if filmed.any():
        r = _correlation(shapes[filmed], measures[filmed], weights[filmed] > 0)
        loss = loss + MOVEMENT * filmed.float().mean() * 10 * (1 - r[:, :2]).mean()
    return loss


def _correlation(first: Tensor, second: Tensor, inside: Tensor) -> Tensor:
    """[M,T,K] -> [M,K] Pearson's r."""
    count = inside.sum(1, keepdim=True).clamp(min=1)
    a = (first - (first * inside).sum(1, keepdim=True) / count) * inside
    b = (second - (second * inside).sum(1, keepdim=True) / count) * inside
    return (a * b).sum(1) / ((a * a).sum(1) * (b * b).sum(1)).clamp(min=1e-6).sqrt()
