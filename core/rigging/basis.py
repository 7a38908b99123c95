# SPDX-License-Identifier: GPL-3.0-or-later
"""The best linear basis of what a head does, region by region: principal components of position, rotation and scale
together, each measured by how far it moves what is seen (snapshots.py), and how far each number of components errs.

By the method of snapshots (Sirovich 1987): the eigenvectors of the n x n products of the conditions, added up block by
block, give the components of any number of Gaussians.

Letters: n conditions, v of them held back, K components, M Gaussians of a region and branch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..formats import UserError
from .conditions import ALONE, SPEECH
from .snapshots import Block

MAX_COMPONENTS = 32
STILL = 0.01  # mm: a Gaussian that no condition moves further is left out
LOWER, UPPER = "lower", "upper"  # what speech moves further than the expression channels do, and the others
ERROR_BINS = np.concatenate([[0.0], np.geomspace(1e-4, 100, 400)])  # mm


@dataclass
class RegionBasis:
    """A region's components; weighted: mm at one sigma."""

    coefficients: np.ndarray  # [n,K] of the conditions that it was made from, mm
    held_back: np.ndarray  # [v,K] of the others
    components: np.ndarray  # [n,K] a component is this mixture of the conditions
    rows: dict[str, list[np.ndarray]] = field(default_factory=dict)  # branch -> rows of the joint table, by block
    moves: dict[str, list[np.ndarray]] = field(default_factory=dict)  # branch -> [K,9,M] weighted, orthonormal
    weights: dict[str, list[np.ndarray]] = field(default_factory=dict)  # branch -> [9,M]
    squares: np.ndarray = field(default_factory=lambda: np.zeros(MAX_COMPONENTS + 1))  # of position errors, by K
    counts: np.ndarray = field(default_factory=lambda: np.zeros((MAX_COMPONENTS + 1, len(ERROR_BINS) - 1)))

    @property
    def gaussians(self) -> int:
        """M over the branches."""
        return sum(len(rows) for blocks in self.rows.values() for rows in blocks)

    def rms(self, k: int) -> float:
        """mm: the RMS position error of k components over the held-back conditions."""
        return float(np.sqrt(self.squares[k] / max(self.counts[k].sum(), 1)))

    def percentile(self, k: int, share: float) -> float:
        """mm: the position error of k components that this share of Gaussians and moments stays below."""
        total = np.cumsum(self.counts[k])
        return float(ERROR_BINS[1 + min(np.searchsorted(total, share * total[-1]), len(total) - 1)])


class BasisFit:
    """Two rounds over the same blocks: `measure` each, then `add` each; `regions` is the result."""

    def __init__(self, kinds: Sequence[str], held_back: np.ndarray) -> None:
        """kinds [n] of each condition (conditions.py); held_back [n]: those that the basis is measured on alone."""
        self.held_back = held_back
        self._speech, self._alone = (np.array([k == kind for k in kinds]) & ~held_back for kind in (SPEECH, ALONE))
        self._products = {region: np.zeros((len(kinds), len(kinds))) for region in (LOWER, UPPER)}

    def measure(self, block: Block) -> None:
        """First round."""
        for region, mask in self._masks(block).items():
            y = _weighted(block, mask)
            self._products[region] += y @ y.T

    @cached_property
    def regions(self) -> dict[str, RegionBasis]:
        """Region -> its basis of at most MAX_COMPONENTS. Raises UserError for a head that nothing moves."""
        regions = {name: _principal(p, self.held_back) for name, p in self._products.items() if p.any()}
        if not regions:
            raise UserError("nothing moves this head, so it has no rig; train it again.")
        return regions

    def add(self, block: Block) -> None:
        """Second round."""
        for region, mask in self._masks(block).items():
            if mask.any():
                _add_block(self.regions[region], block, mask, self.held_back)

    def _masks(self, block: Block) -> dict[str, np.ndarray]:
        """Region -> [m] bool."""
        distance = np.linalg.norm(block.differences * block.weights, axis=1)  # [n,m]
        speech, alone = (
            np.square(distance[chosen]).sum(axis=0) / max(chosen.sum(), 1) for chosen in (self._speech, self._alone)
        )
        moves = distance.max(axis=0) > STILL
        return {LOWER: moves & (speech >= alone), UPPER: moves & (speech < alone)}


def _weighted(block: Block, mask: np.ndarray) -> np.ndarray:
    """[n, 9 * masked]."""
    return (block.differences[:, :, mask] * block.weights[:, mask]).reshape(len(block.differences), -1)


def _principal(product: np.ndarray, held_back: np.ndarray) -> RegionBasis:
    """product [n,n]: of the weighted snapshots."""
    used = ~held_back
    values, vectors = np.linalg.eigh(product[np.ix_(used, used)])
    order = np.argsort(values)[::-1][:MAX_COMPONENTS]
    order = order[values[order] > 1e-9 * values[order[0]]]
    lengths, vectors = np.sqrt(values[order]), vectors[:, order]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), range(len(order))])  # of two signs, the same
    components = vectors / lengths
    return RegionBasis(vectors * lengths, product[np.ix_(held_back, used)] @ components, components)


def _add_block(basis: RegionBasis, block: Block, mask: np.ndarray, held_back: np.ndarray) -> None:
    y = _weighted(block, mask)
    moves = (basis.components.T.astype(np.float32) @ y[~held_back]).reshape(-1, 9, mask.sum())
    for table, value in zip(
        (basis.rows, basis.moves, basis.weights), (block.rows[mask], moves, block.weights[:, mask])
    ):
        table.setdefault(block.branch, []).append(value)
    error = block.differences[held_back][:, :3][:, :, mask]  # positions have a weight of 1
    for k in range(len(moves) + 1):
        if k:
            error -= basis.held_back[:, k - 1, None, None].astype(np.float32) * moves[k - 1, :3]
        squares = np.square(error).sum(axis=1)
        basis.squares[k] += squares.sum(dtype=np.float64)
        basis.counts[k] += np.histogram(np.sqrt(squares), ERROR_BINS)[0]


def component_count(basis: RegionBasis, bound: float, least: int) -> int:
    """The fewest components, `least` or more, whose RMS error is within `bound` mm; all where none is."""
    most = basis.components.shape[1]
    return next((k for k in range(min(least, most), most) if basis.rms(k) <= bound), most)
