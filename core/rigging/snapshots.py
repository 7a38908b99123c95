# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head does in many conditions, a block of its Gaussians at a time: a head of any size in bounded memory.

Letters: n conditions, m Gaussians of a block.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..formats import RIG_NUMBERS, HeadFile
from ..performance import Condition, Frame, Replay, difference_from_rest, part_of

BLOCK = 4096  # Gaussians; 600 conditions of them are 88 MB


class Block(NamedTuple):
    """Some of the head's Gaussians in all conditions."""

    branch: str
    rows: np.ndarray  # [m] of the joint table
    differences: np.ndarray  # [n,9,m] float32, as `performance.difference_from_rest`
    weights: np.ndarray  # [9,m] what a unit of each number moves at one sigma, mm


def blocks(head: HeadFile, replay: Replay, rest: Condition, conditions: Sequence[Condition]) -> Iterator[Block]:
    """The Gaussians that a condition can move, branch by branch."""
    for branch, own in replay.moving.items():
        for at in range(0, len(own), BLOCK):
            rows = own[at : at + BLOCK]
            yield _block(head, branch, rows, rest, conditions)


def _block(head: HeadFile, branch: str, rows: np.ndarray, rest: Condition, conditions: Sequence[Condition]) -> Block:
    part = Replay(part_of(head, rows))
    base, frame = part.at(rest), part.frame()
    differences = np.empty((len(conditions), RIG_NUMBERS, len(rows)), np.float32)
    for row, condition in zip(differences, conditions):
        row[:] = difference_from_rest(part.at(condition, frame), base)
    return Block(branch, rows, differences, _weights(base))


def _weights(rest: Frame) -> np.ndarray:
    """A Gibbs vector g turns by about 2 |g|, a log-scale s stretches by s: as seen at one sigma of the longest axis."""
    sigma = 1000 * rest.scales.max(axis=1)
    return np.repeat([np.ones_like(sigma), 2 * sigma, sigma], 3, axis=0).astype(np.float32)
