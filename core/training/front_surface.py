# SPDX-License-Identifier: GPL-3.0-or-later
"""The first surface as a depth map over the head's front, and Gaussians kept near it.

One camera in front of a face says little about depth: a Gaussian that wanders off along the line of sight costs
nothing in the pictures, until the head is seen from the side. Not in the paper: chosen because a limit costs a look-up
a step, where a loss on depth would cost another picture.

Letters: S points, N Gaussians; cells of the x-z plane (the head looks along -Y, so y is its depth).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..head import Cloud

CELL = 0.004  # metres
ROUNDS = 40  # of filling gaps from their neighbours
MIN_POINTS = 3  # in a cell that may say where the surface is
MIN_TOTAL = 500  # points without which there is no map


@dataclass(frozen=True)
class FrontSurface:
    """y of the front over cells of x and z; nan where nothing is known."""

    depth: torch.Tensor  # [Z,X] metres
    low: tuple[float, float]  # x, z of the first cell's edge

    @staticmethod
    def from_points(points: np.ndarray) -> "FrontSurface | None":  # [S,3] metres, head space
        """The median y of every cell, gaps filled; None where there are too few points to tell."""
        if len(points) < MIN_TOTAL:
            return None
        xz = points[:, [0, 2]]
        low = np.percentile(xz, 0.2, axis=0) - CELL
        high = np.percentile(xz, 99.8, axis=0) + CELL
        columns, rows = np.maximum(np.ceil((high - low) / CELL).astype(int), 1)
        column, row = np.floor((xz - low) / CELL).astype(int).T
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        depth = _cell_medians((row * columns + column)[inside], points[inside, 1], rows * columns)
        filled = fill_gaps(depth.reshape(rows, columns)).astype(np.float32)
        return FrontSurface(torch.from_numpy(filled), (float(low[0]), float(low[1])))

    def state_dict(self) -> dict[str, np.ndarray]:
        """The arrays that a checkpoint holds."""
        return {"surface.depth": self.depth.cpu().numpy(), "surface.low": np.array(self.low)}

    @staticmethod
    def from_state_dict(arrays: Mapping[str, np.ndarray]) -> "FrontSurface | None":
        """The surface whose arrays are among a checkpoint's; None where it has none."""
        if "surface.depth" not in arrays:
            return None
        x, z = arrays["surface.low"].tolist()
        return FrontSurface(torch.from_numpy(arrays["surface.depth"]), (x, z))

    def to(self, device: torch.device) -> "FrontSurface":
        """The same surface on another device."""
        return replace(self, depth=self.depth.to(device))

    @torch.no_grad()
    def clamp_depth(self, cloud: Cloud, reach: float) -> None:
        """Move every Gaussian's y to within `reach` metres of the surface; those outside the map are free."""
        x, z = ((cloud.means[:, axis] - low) / CELL for axis, low in zip((0, 2), self.low))
        rows, columns = self.depth.shape
        on_map = (x >= 0) & (x < columns) & (z >= 0) & (z < rows)
        front = self.depth[z.long().clamp(0, rows - 1), x.long().clamp(0, columns - 1)]
        front = torch.where(on_map & ~front.isnan(), front, cloud.means[:, 1])
        cloud.means[:, 1] = torch.minimum(torch.maximum(cloud.means[:, 1], front - reach), front + reach)


def _cell_medians(cells: np.ndarray, y: np.ndarray, count: int) -> np.ndarray:  # [S], [S] -> [count]
    """The median y of each cell, because a few mixed pixels at an edge may be anywhere; nan where there are too few."""
    order = np.lexsort((y, cells))
    cells, y = cells[order], y[order]
    first, counts = np.unique(cells, return_index=True, return_counts=True)[1:]
    medians = np.full(count, np.nan)
    medians[cells[first]] = np.where(counts >= MIN_POINTS, y[first + counts // 2], np.nan)
    return medians


def fill_gaps(depth: np.ndarray) -> np.ndarray:  # [Z,X], nan where unknown
    """Gaps get the mean of their known neighbours, round by round; then all is smoothed once, so that cells make no
    steps."""
    for _ in range(ROUNDS):
        gaps = np.isnan(depth)
        if not gaps.any():
            break
        total, known = _sum_of_neighbours(np.where(gaps, 0.0, depth)), _sum_of_neighbours((~gaps).astype(float))
        depth = np.where(gaps, np.where(known > 0, total / np.maximum(known, 1.0), np.nan), depth)
    known = ~np.isnan(depth)
    values = np.where(known, depth, 0.0)
    weight = _sum_of_neighbours(known.astype(float)) + known
    return np.where(known, (_sum_of_neighbours(values) + values) / np.maximum(weight, 1.0), np.nan)


def _sum_of_neighbours(values: np.ndarray) -> np.ndarray:
    """Sum of the four neighbours."""
    padded = np.pad(values, 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
