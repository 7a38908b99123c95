# SPDX-License-Identifier: GPL-3.0-or-later
"""A branch's audio net learns to give codes that are known: an `AudioNet` of the usual form, for other features.

Letters: S moments, A code, C feature channels.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..deformation import AudioNet

STEPS, BATCH, RATE, WEIGHT_DECAY = 1200, 128, 2e-3, 1e-2  # as of a head's training, for more moments
WARM_UP = 0.1  # of the steps
NOISE = 0.1  # sigma of noise on normalised features
SILENT = 0.05  # share of a batch that is silence, whose code is that of rest
OWN = 0.5  # share of a batch that is the person's own voice, where it was heard


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
    ) -> None:
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
        self.net.normalise_to(self._windows.permute(0, 1, 3, 2).reshape(-1, windows.shape[2]))
        self._spread = self._codes.var(dim=0).sum().sqrt()

    def run(self) -> Iterator[int]:
        """Learn; yields the steps that are done. Deterministic on one machine."""
        optimizer = torch.optim.AdamW(self.net.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=WARM_UP)
        for step in range(1, STEPS + 1):
            windows, codes = self._batch()
            loss = torch.nn.functional.mse_loss(self.net(windows) / self._spread, codes / self._spread)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            yield step
        self._rest_exactly()

    def _batch(self) -> tuple[Tensor, Tensor]:
        rows = self._rng.choice(len(self._codes), BATCH, p=self._chance)
        windows, codes = self._windows[rows], self._codes[rows].clone()
        noise = NOISE * self.net.feature_std[:, None]
        windows = windows + noise * torch.randn(windows.shape, generator=self._generator)
        silent = torch.from_numpy(self._rng.random(BATCH) < SILENT)
        windows[silent], codes[silent] = self._silence, self._rest
        return windows, codes

    @torch.no_grad()
    def _rest_exactly(self) -> None:
        """Silence gives the code of rest: of eight equal frames the attention takes what one gives, whatever it is, so
        that the last bias alone decides."""
        last = self.net.frame_code[2]
        last.bias += self._rest - self.net(self._silence[None])[0]  # pyright: ignore[reportOperatorIssue]

    def tensors(self) -> dict[str, np.ndarray]:
        """By the names below `BRANCH.audio.` in a head."""
        return {name: value.detach().numpy().copy() for name, value in self.net.state_dict().items()}
