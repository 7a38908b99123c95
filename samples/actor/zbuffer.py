# SPDX-License-Identifier: GPL-3.0-or-later
"""Label and depth at pixel centres, exactly: a small z-buffer over the triangles that the picture shows.

The path tracer's own index and depth passes are taken from jittered rays; these are not, so a label's
border is where the surface's border projects to. Planar Z (along the view axis), perspective-correct.
"""

from dataclasses import dataclass

import numpy as np

from ...core.footage import DEPTH_STEP
from ...core.tracking import rasterize_triangles


@dataclass(frozen=True)
class LabelledMesh:
    """A mesh as the picture shows it."""

    vertices: np.ndarray  # [N, 3] metres
    triangles: np.ndarray  # [M, 3]
    labels: np.ndarray  # [M] uint8


def project_to_pixels(points: np.ndarray, viewmat: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Head-space points [..., 3] -> (pixels [..., 2], planar depths [...] metres)."""
    in_camera = points @ viewmat[:3, :3].T + viewmat[:3, 3]
    homogeneous = in_camera @ intrinsics.T
    return homogeneous[..., :2] / homogeneous[..., 2:], in_camera[..., 2]


def label_and_depth(
    meshes: list[LabelledMesh], viewmat: np.ndarray, intrinsics: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """([H, W] uint8 labels, [H, W] uint16 depth in DEPTH_STEP, 0 = background)."""
    labels = np.zeros((height, width), np.uint8)
    depth = np.full((height, width), np.inf)
    for mesh in meshes:
        points, depths = project_to_pixels(mesh.vertices.astype(np.float64), viewmat, intrinsics)
        rasterize_triangles(points, depths, mesh.triangles, mesh.labels, depth, labels)
    levels = np.where(np.isfinite(depth), np.rint(depth / DEPTH_STEP), 0)
    return labels, levels.clip(0, 65535).astype(np.uint16)
