# SPDX-License-Identifier: GPL-3.0-or-later
"""A branch's audio net learns to give codes that are known: an `AudioNet` of the usual form, for other features.

Where a branch moves landmarks, what counts is what its codes do to them: a code between two that are right for a p and
for an ah is right for neither, and a net that is taught codes alone gives such ones, because it errs evenly in all
directions. So its goal is the shape, and the code only says which of the codes for that shape.

Letters: S moments, M of a batch, A code, C feature channels, J measures.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..audio import WINDOW_OFFSETS
from ..deformation import AudioNet

STEPS, BATCH, RATE, WEIGHT_DECAY = 1200, 128, 2e-3, 1e-2  # as of a head's training, for more moments
WARM_UP = 0.1  # of the steps
NOISE = 0.1  # sigma of noise on normalised features
SILENT = 0.05  # share of a batch that is silence, whose code is that of rest
OWN = 0.5  # share of a batch that is the person's own voice, where it was heard
# Where attention begins. Not in the paper: chosen because the encoder has seen what is around a moment; what this alone
# changes was not measured.
NOW = int(np.argmin(np.abs(WINDOW_OFFSETS.mean(axis=1))))  # of the window's frames
FOCUS = 4.0  # of the moment's own frame before the softmax: 0.89 of the weight
CODE = 1.0  # weight of the code's own error beside the shape's


@dataclass(frozen=True)
class ShapeGoal:
    """What the mouth is to do at each moment."""

    geometry: Callable[[Tensor], Tensor]  # [M,A] codes -> [M,J] mm less that at rest, differentiable
    wanted: np.ndarray  # [S,J] mm, likewise
    weights: np.ndarray  # [S,J] of the squared error, 1/mm^2


class CodeFit:
    """The net and what it learns from."""

    def __init__(
        self,
        windows: np.ndarray,  # [S,8,C,2] float32
        codes: np.ndarray,  # [S,A]
        is_own: np.ndarray,  # [S] bool
        silence: np.ndarray,  # [C] features of it
        rest: np.ndarray,  # [A]
        seed: int,
        goal: ShapeGoal | None = None,  # of a branch that moves landmarks
    ) -> None:
        self._goal = goal
        self._windows, self._codes = torch.from_numpy(windows), torch.from_numpy(codes)
        self._silence = torch.from_numpy(silence)[:, None].expand(windows.shape[1:]).contiguous()
        self._rest = torch.from_numpy(rest)
        self._rng, self._generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        shares = (is_own, OWN), (~is_own, 1 - OWN)
        weights = sum(np.where(rows, share / max(rows.sum(), 1), 0.0) for rows, share in shares)
        self._chance = weights / np.sum(weights)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = AudioNet(windows.shape[2], codes.shape[1])
        with torch.no_grad():
            self.net.attention_weights.bias[NOW] += FOCUS
        self.net.normalise_to(self._windows.permute(0, 1, 3, 2).reshape(-1, windows.shape[2]))
        if goal is not None:
            self._wanted, self._weights = (torch.from_numpy(x.astype(np.float32)) for x in (goal.wanted, goal.weights))
        self._spread = self._codes.var(dim=0).sum().sqrt()

    def run(self) -> Iterator[int]:
        """Learn; yields the steps that are done. Deterministic on one machine."""
        optimizer = torch.optim.AdamW(self.net.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=WARM_UP)
        for step in range(1, STEPS + 1):
            loss = self._loss(*self._batch())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            yield step
        self._rest_exactly()

    def _batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """([M,8,C,2] windows, [M] rows of S, [M] bool: silence instead)."""
        rows = self._rng.choice(len(self._codes), BATCH, p=self._chance)
        noise = NOISE * self.net.feature_std[:, None]
        windows = self._windows[rows]
        windows = windows + noise * torch.randn(windows.shape, generator=self._generator)
        silent = torch.from_numpy(self._rng.random(BATCH) < SILENT)
        windows[silent] = self._silence
        return windows, torch.from_numpy(rows), silent

    def _loss(self, windows: Tensor, rows: Tensor, silent: Tensor) -> Tensor:
        given = self.net(windows)
        codes = torch.where(silent[:, None], self._rest, self._codes[rows])
        loss = torch.nn.functional.mse_loss(given / self._spread, codes / self._spread)
        if self._goal is None:
            return loss
        wanted = torch.where(silent[:, None], 0.0, self._wanted[rows])
        shape = self._weights[rows] * torch.square(self._goal.geometry(given) - wanted)
        return shape.sum(dim=1).mean() + CODE * given.shape[1] * loss

    @torch.no_grad()
    def _rest_exactly(self) -> None:
        """Silence gives the code of rest: of eight equal frames the attention takes what one gives, whatever it is, so
        that the last bias alone decides."""
        last = self.net.frame_code[2]
        last.bias += self._rest - self.net(self._silence[None])[0]  # pyright: ignore[reportOperatorIssue]

    def tensors(self) -> dict[str, np.ndarray]:
        """By the names below `BRANCH.audio.` in a head."""
        return {name: value.detach().numpy().copy() for name, value in self.net.state_dict().items()}
