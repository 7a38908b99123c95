# SPDX-License-Identifier: GPL-3.0-or-later
"""How the vertices of a mesh follow a head: each takes the mean move of the opaque face Gaussians near it at rest,
weighted by a Gaussian of the distance and by opacity.

The inside of the mouth carries nothing: a tongue or a tooth near the lips would pull them.

Letters: V vertices, C carriers of a vertex, N Gaussians, K channels of a rig.
"""

import numpy as np

from ..formats import HeadFile, Rig, UserError
from .replay import Frame

CARRIERS = 12
MIN_OPACITY = 0.5
# metres, of the weights; not in the paper: chosen because wider ones tie the lips together and narrower ones follow
# single Gaussians.
WIDTH = 0.003
REACH = 0.02  # metres around some vertices in which their carriers are looked for first
BLOCK = 128  # vertices at a time


class MeshCarrier:
    """A mesh bound to a head."""

    def __init__(self, head: HeadFile, rest: Frame, vertices: np.ndarray) -> None:
        """rest: the whole head in the pose that the `vertices` [V,3] belong to, metres, head space.

        Raises UserError for a head with fewer than CARRIERS opaque Gaussians in its face.
        """
        face = head.gaussians("face")
        rows = np.flatnonzero(face.opacities > MIN_OPACITY)
        if len(rows) < CARRIERS:
            raise UserError(f"{head.source}: too little of the face is opaque for a mesh to follow it; train it again.")
        self.rows = np.empty((len(vertices), CARRIERS), np.int64)  # of the head's joint table
        self.weights = np.empty((len(vertices), CARRIERS), np.float32)  # they sum to 1
        for at in range(0, len(vertices), BLOCK):
            here = slice(at, at + BLOCK)
            self.rows[here], self.weights[here] = _nearest(rows, rest.means[rows], face.opacities[rows], vertices[here])
        self._rest = rest.means

    def moves(self, frame: Frame) -> np.ndarray:
        """[V,3] metres: how far a frame of the whole head takes each vertex from where it is at rest."""
        return np.einsum("vc,vck->vk", self.weights, frame.means[self.rows] - self._rest[self.rows])

    def channel_moves(self, rig: Rig) -> np.ndarray:
        """[K,V,3] float32: metres for a millimetre of each channel."""
        moved = np.zeros((len(rig.card.channels), len(self.rows), 3), np.float32)
        for name, region in rig.regions.items():
            for part in region.branches.values():
                at = np.minimum(np.searchsorted(part.rows, self.rows), len(part.rows) - 1)
                weights = self.weights * (part.rows[at] == self.rows)
                for row, moves in zip(rig.card.rows_of(name), part.moves):
                    taken = moves[:3].T.astype(np.float32)[at] / 1000
                    moved[row] += np.einsum("vc,vck->vk", weights, taken)
        return moved


def _nearest(
    rows: np.ndarray, means: np.ndarray, opacities: np.ndarray, vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, weights) of the carriers of some vertices, which are near one another."""
    low, high = vertices.min(axis=0) - REACH, vertices.max(axis=0) + REACH
    near = np.flatnonzero(((means > low) & (means < high)).all(axis=1))
    chosen, distance = _closest(means, near, vertices)
    is_far = distance.max(axis=1) > REACH
    if is_far.any():
        chosen[is_far], distance[is_far] = _closest(means, np.arange(len(means)), vertices[is_far])
    nearer = distance - distance.min(axis=1, keepdims=True)  # far from all, the nearest still counts
    weights = opacities[chosen] * np.exp(-0.5 * np.square(nearer / WIDTH))
    return rows[chosen], weights / weights.sum(axis=1, keepdims=True)


def _closest(means: np.ndarray, among: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows of `means`, their distances), [V,CARRIERS]; with infinite distances where `among` are too few."""
    if len(among) < CARRIERS:
        shape = (len(vertices), CARRIERS)
        return np.zeros(shape, np.int64), np.full(shape, np.inf)
    points = means[among].astype(np.float64)
    squared = np.square(points).sum(axis=1) - 2 * vertices.astype(np.float64) @ points.T
    chosen = np.sort(np.argpartition(squared, CARRIERS - 1, axis=1)[:, :CARRIERS], axis=1)
    return among[chosen], np.linalg.norm(points[chosen] - vertices[:, None], axis=2)
