# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels and their depth -> points in head space: which of them to trust, and a guess where there is none.

Letters: H W a picture, S pixels.
"""

import numpy as np
from scipy.ndimage import distance_transform_edt

from ..formats import Camera

EDGE = 0.004  # metres between neighbouring pixels
GUESSED = 0.1  # share of the head's pixels without depth above which the rest is guessed
RECESSION, MAX_RECESSION = 0.6, 0.06  # metres further away per metre next to what is known, and at most


def lift_pixels(
    camera: Camera,
    depth: np.ndarray,  # [H,W] metres along z, 0 = nothing
    rows: np.ndarray,  # [S]
    columns: np.ndarray,  # [S]
) -> np.ndarray:
    """Pixels -> head space, [S,3] metres."""
    z = depth[rows, columns].astype(np.float64)
    x = (columns + 0.5 - camera.cx) / camera.fx * z
    y = (rows + 0.5 - camera.cy) / camera.fy * z
    inverse = np.linalg.inv(camera.matrix)
    return np.stack([x, y, z], 1) @ inverse[:3, :3].T + inverse[:3, 3]


def depth_edges(depth: np.ndarray) -> np.ndarray:  # [H,W] metres -> [H,W] bool
    """Pixels at a step of the depth: their colour is a mixture, their depth a toss."""
    padded = np.pad(depth, 1, mode="edge")
    neighbours = [
        padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx]
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
    ]
    return np.max([np.abs(neighbour - depth) for neighbour in neighbours], axis=0) > EDGE


def complete_depth(depth: np.ndarray, alpha: np.ndarray, fx: float) -> np.ndarray:  # [H,W], [H,W] -> [H,W]
    """Depth for hair, neck and torso where the footage's comes from a face mesh: the nearest known one, receding with
    the distance from it. Footage whose depth covers the head comes back as it is."""
    head, known = alpha > 0.5, depth > 0
    if not known.any() or (head & ~known).sum() <= GUESSED * head.sum():
        return depth
    indices = np.empty((2, *depth.shape), np.int32)
    distance = np.empty(depth.shape)
    distance_transform_edt(~known, distances=distance, indices=indices, return_indices=True)
    nearest = depth[indices[0], indices[1]]
    receded = nearest + np.minimum(RECESSION * distance * nearest / fx, MAX_RECESSION)
    return np.where(known, depth, np.where(head, receded, 0.0))
