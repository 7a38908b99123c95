# SPDX-License-Identifier: GPL-3.0-or-later
"""From a code that makes a shape on the average to one that reaches it: downhill in millimetres of lips, as near to
where it began as the shape allows. Not in the paper: chosen because the mean of the codes heard for a p that a stranger
speaks leaves the sample head's lips 2 mm open (`geometry_codes`).

Letters: S moments, A code.
"""

import numpy as np
import torch

from .fit_codes import ShapeGoal

STEPS, RATE = 100, 0.03  # RATE: of the codes' spread
STAY = 0.1  # weight of the way from the first code, relative to the codes' spread


def codes_reaching(goal: ShapeGoal, codes: np.ndarray) -> np.ndarray:
    """[S,A] -> [S,A] float32. Deterministic on one machine."""
    first = torch.from_numpy(codes)
    spread = first.var(dim=0).sum().sqrt()
    way = torch.zeros_like(first, requires_grad=True)
    wanted, weights = (torch.from_numpy(x.astype(np.float32)) for x in (goal.wanted, goal.weights))
    optimizer = torch.optim.Adam([way], lr=RATE)
    for _ in range(STEPS):
        shape = (weights * torch.square(goal.geometry(first + spread * way) - wanted)).sum()
        loss = shape + STAY * torch.square(way).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (first + spread * way).detach().numpy()
