# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and depth at pixel centres, exactly: a small z-buffer over the triangles that the picture shows.

The path tracer's own index and depth passes are taken from jittered rays; these are not, so a label's
border is where the surface's border projects to. Planar Z (along the view axis), perspective-correct.
"""
from dataclasses import dataclass

import numpy as np
from numba import njit

DEPTH_UNIT = 1e-4  # metres of one grey level in the stored depth


@dataclass(frozen=True)
class Part:
    """A mesh as the picture shows it, for this pass."""

    vertices: np.ndarray  # [N, 3] metres
    triangles: np.ndarray  # [M, 3]
    labels: np.ndarray  # [M] uint8


@njit(cache=True)
def fill(points: np.ndarray, depths: np.ndarray, triangles: np.ndarray, labels: np.ndarray,
         label_image: np.ndarray, depth_image: np.ndarray) -> None:
    """Draw triangles (screen points [N, 2], depths [N]) over what is there; smaller depth wins."""
    height, width = depth_image.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        if depths[a] <= 0.0 or depths[b] <= 0.0 or depths[c] <= 0.0:
            continue
        ax, ay = points[a]
        bx, by = points[b]
        cx, cy = points[c]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        left = max(int(np.floor(min(ax, bx, cx) - 0.5)), 0)
        right = min(int(np.ceil(max(ax, bx, cx) - 0.5)), width - 1)
        top = max(int(np.floor(min(ay, by, cy) - 0.5)), 0)
        bottom = min(int(np.ceil(max(ay, by, cy) - 0.5)), height - 1)
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                wc = 1.0 - wa - wb
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                depth = 1.0 / (wa / depths[a] + wb / depths[b] + wc / depths[c])  # 1/z is linear on the screen
                if depth < depth_image[row, column]:
                    depth_image[row, column] = depth
                    label_image[row, column] = labels[t]


def project(points: np.ndarray, viewmat: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Head-space points [..., 3] -> (pixels [..., 2], planar depths [...] metres)."""
    in_camera = points @ viewmat[:3, :3].T + viewmat[:3, 3]
    on_film = in_camera @ intrinsics.T
    return on_film[..., :2] / on_film[..., 2:], in_camera[..., 2]


def label_and_depth(parts: list[Part], viewmat: np.ndarray, intrinsics: np.ndarray, width: int,
                    height: int) -> tuple[np.ndarray, np.ndarray]:
    """([H, W] uint8 labels, [H, W] uint16 depth in DEPTH_UNIT, 0 = background)."""
    labels = np.zeros((height, width), np.uint8)
    depth = np.full((height, width), np.inf)
    for part in parts:
        points, depths = project(part.vertices.astype(np.float64), viewmat, intrinsics)
        fill(points, depths, part.triangles, part.labels, labels, depth)
    stored = np.where(np.isfinite(depth), np.rint(depth / DEPTH_UNIT), 0)
    return labels, stored.clip(0, 65535).astype(np.uint16)
