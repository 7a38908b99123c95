# SPDX-License-Identifier: GPL-3.0-or-later
"""The first surface as a map over the head's front, and Gaussians kept near it.

One camera in front of a face says little about depth: a Gaussian that wanders off along the line of sight costs
nothing in the pictures, until the head is seen from aside. Not in the paper: chosen because a limit costs a look-up a
step, where a loss on depth would cost another picture.

Letters: S points, N Gaussians; cells of the x-z plane (the head looks along -Y, so y is its depth).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..head import Cloud

CELL = 0.004  # metres
ROUNDS = 40  # of filling holes from their neighbours
LEAST = 3  # points in a cell that may say where the surface is


@dataclass(frozen=True)
class FrontSurface:
    """y of the front over cells of x and z; nan where nothing is known."""

    depth: torch.Tensor  # [Z,X] metres
    low: tuple[float, float]  # x, z of the first cell's edge

    @staticmethod
    def of(points: np.ndarray) -> "FrontSurface | None":  # [S,3] metres; None where there are too few to tell
        if len(points) < 500:
            return None
        low = np.percentile(points[:, [0, 2]], 0.2, axis=0) - CELL
        high = np.percentile(points[:, [0, 2]], 99.8, axis=0) + CELL
        columns, rows = np.maximum(np.ceil((high - low) / CELL).astype(int), 1)
        place = np.floor((points[:, [0, 2]] - low) / CELL).astype(int)
        inside = ((place >= 0) & (place < [columns, rows])).all(1)
        cell = place[inside, 1] * columns + place[inside, 0]
        order = np.lexsort((points[inside, 1], cell))
        cell, y = cell[order], points[inside, 1][order]
        first, counts = np.unique(cell, return_index=True, return_counts=True)[1:]
        depth = np.full(rows * columns, np.nan)
        # The median, because a few mixed pixels at an edge lie anywhere.
        depth[cell[first]] = np.where(counts >= LEAST, y[first + counts // 2], np.nan)
        return FrontSurface(
            torch.from_numpy(_filled(depth.reshape(rows, columns)).astype(np.float32)), (float(low[0]), float(low[1]))
        )

    def to_keep(self) -> dict[str, np.ndarray]:
        """For a checkpoint."""
        return {"surface.depth": self.depth.cpu().numpy(), "surface.low": np.array(self.low)}

    @staticmethod
    def kept(arrays: dict[str, np.ndarray]) -> "FrontSurface | None":
        """Of a checkpoint's arrays; None where it had none."""
        if "surface.depth" not in arrays:
            return None
        return FrontSurface(torch.from_numpy(arrays["surface.depth"]), tuple(map(float, arrays["surface.low"])))

    def to(self, device: torch.device) -> "FrontSurface":
        return replace(self, depth=self.depth.to(device))

    @torch.no_grad()
    def hold(self, cloud: Cloud, reach: float) -> None:
        """Every Gaussian's y within `reach` of the surface; those beside the map are free."""
        x, z = ((cloud.means[:, axis] - low) / CELL for axis, low in zip((0, 2), self.low))
        rows, columns = self.depth.shape
        known = (x >= 0) & (x < columns) & (z >= 0) & (z < rows)
        front = self.depth[z.long().clamp(0, rows - 1), x.long().clamp(0, columns - 1)]
        front = torch.where(known & ~front.isnan(), front, cloud.means[:, 1])
        cloud.means[:, 1] = torch.minimum(torch.maximum(cloud.means[:, 1], front - reach), front + reach)


def _filled(depth: np.ndarray) -> np.ndarray:  # [Z,X], nan where unknown
    """Holes get the mean of their known neighbours, round by round; then once smoothed, so that cells make no steps."""
    for _ in range(ROUNDS):
        holes = np.isnan(depth)
        if not holes.any():
            break
        around, known = _around(np.where(holes, 0.0, depth)), _around((~holes).astype(float))
        depth = np.where(holes, np.where(known > 0, around / np.maximum(known, 1.0), np.nan), depth)
    known = ~np.isnan(depth)
    weight = _around(known.astype(float)) + known
    return np.where(known, (_around(np.where(known, depth, 0.0)) + np.where(known, depth, 0.0)) / weight, np.nan)


def _around(values: np.ndarray) -> np.ndarray:
    """Sum of the four neighbours."""
    padded = np.pad(values, 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
