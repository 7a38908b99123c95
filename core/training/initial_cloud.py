# SPDX-License-Identifier: GPL-3.0-or-later
"""The first Gaussians: points of the pictures lifted by their depth, or a random shell where footage has no depth.

TalkingGaussian starts from a random cube. Not in the paper: chosen because lifted points save the thousands of
steps in which a cube finds the surface. Letters: N points, S candidates, F pictures.
"""

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from ..footage import Footage
from ..formats import SH_C0, SH_COEFFICIENTS, Camera
from ..head import Cloud
from .reference import Reference

PICTURES = 60  # at most so many are lifted
MOVING = 0.035  # metres around the mouth's landmarks: only pictures of the reference mouth count here
DETAIL = {"lips": (48, 68, 14.0), "eyes": (36, 48, 8.0), "face": (0, 36, 3.0)}  # landmarks -> density near them
NEAR = 0.012  # metres: how near "near" is
EDGE = 0.004  # metres between neighbouring pixels
OPACITY = 0.6
MOST = 25_000  # pixels of a picture that are lifted: 60 large pictures stay within 100 MB
GUESSED = 0.1  # share of the head's pixels without depth from which on the rest is guessed
BACK, BACKMOST = 0.6, 0.06  # metres further away a metre beside what is known, and at most
NEIGHBOURS = 3  # a first radius is the mean distance to so many (3DGS)


def lift(
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


def edges(depth: np.ndarray) -> np.ndarray:  # [H,W]
    """Pixels whose neighbours lie elsewhere: their colour is a mixture, their depth a toss."""
    padded = np.pad(depth, 1, mode="edge")
    around = [
        padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx]
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
    ]
    return np.max([np.abs(other - depth) for other in around], axis=0) > EDGE


def completed(depth: np.ndarray, alpha: np.ndarray, fx: float) -> np.ndarray:  # [H,W], [H,W] -> [H,W]
    """Depth for hair, neck and torso where the footage's comes from a face mesh: the nearest known one, receding with
    the distance from it. Footage whose depth covers the head comes back as it is."""
    head, known = alpha > 0.5, depth > 0
    if not known.any() or (head & ~known).sum() <= GUESSED * head.sum():
        return depth
    away, (rows, columns) = distance_transform_edt(~known, return_indices=True)
    near = depth[rows, columns]
    return np.where(known, depth, np.where(head, near + np.minimum(BACK * away * near / fx, BACKMOST), 0.0))


def nearest(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """[S] distance to the nearest of some landmarks."""
    least = np.full(len(points), np.inf)
    for mark in landmarks:
        np.minimum(least, np.linalg.norm(points - mark, axis=1), out=least)
    return least


def lifted(
    footage: Footage, frames: np.ndarray, reference: Reference, branch: str, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """(points [S,3], colours [S,3], wish to be chosen [S]) of a branch from some pictures; empty without depth."""
    alike, parts = set(reference.frames.tolist()), []
    for i in frames:
        depth = footage.depth(int(i))
        if depth is None:
            continue
        picture, camera = footage.picture(int(i)), footage.camera(int(i))
        depth = completed(depth, picture.alpha, camera.fx)
        inside = picture.mouth > 0.5 if branch == "mouth" else (picture.mouth == 0) & (picture.alpha > 0.99)
        rows, columns = np.nonzero(inside & (depth > 0) & ~edges(depth))
        if len(rows) > MOST:
            some = np.sort(rng.choice(len(rows), MOST, replace=False))
            rows, columns = rows[some], columns[some]
        points = lift(camera, depth, rows, columns)
        if branch == "face" and int(i) not in alike:
            still = nearest(points, reference.landmarks[48:68]) > MOVING
            rows, columns, points = rows[still], columns[still], points[still]
        # A far pixel stands for more skin than a near one.
        wish = (depth[rows, columns] / camera.fx) ** 2
        parts.append((points, picture.rgb[rows, columns] / picture.alpha[rows, columns, None], wish))
    if not parts:
        return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)
    points, colours, wish = (np.concatenate(column) for column in zip(*parts))
    if branch == "face" and len(points):
        detail = np.ones(len(points))
        for first, end, gain in DETAIL.values():
            near = nearest(points, reference.landmarks[first:end])
            detail = np.maximum(detail, 1 + (gain - 1) * np.exp(-0.5 * (near / NEAR) ** 2))
        wish = wish * detail
    return points, colours, wish


def random_points(reference: Reference, branch: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """[N,3] within the bounds of a branch, for footage without depth (TalkingGaussian's start)."""
    centre = reference.centre if branch == "face" else reference.mouth_centre
    extent = reference.half_extent if branch == "face" else reference.mouth_half_extent
    return centre + rng.uniform(-0.6, 0.6, (count, 3)) * extent


def initial_cloud(
    footage: Footage,
    frames: np.ndarray,
    reference: Reference,
    branch: str,
    count: int,
    sh_degree: int,
    rng: np.random.Generator,
) -> Cloud:
    """`count` Gaussians of a branch; colours from the pictures."""
    others = np.setdiff1d(frames, reference.frames)
    several = rng.permutation(others)[: max(PICTURES - len(reference.frames), 0)]
    chosen = np.concatenate([reference.frames[:PICTURES], several if branch == "face" else several[:0]])
    points, colours, wish = lifted(footage, chosen, reference, branch, rng)
    if len(points) >= 16:
        rows = rng.choice(len(points), min(count, len(points)), replace=False, p=wish / wish.sum())
        points, colours = points[rows], colours[rows]
    else:
        points = random_points(reference, branch, count, rng)
        colours = np.full((count, 3), 0.5)
    means = torch.from_numpy(points.astype(np.float32))
    radius = _neighbour_distance(means).clamp(2e-4, 8e-3)
    n = len(means)
    quats = torch.zeros(n, 4)
    quats[:, 0] = 1
    return Cloud(
        means,
        quats,
        (0.8 * radius).log()[:, None].repeat(1, 3),
        torch.full((n,), OPACITY).logit(),
        torch.from_numpy((colours.astype(np.float32) - 0.5) / SH_C0),
        torch.zeros(n, SH_COEFFICIENTS[sh_degree], 3),
    )


def _neighbour_distance(means: torch.Tensor) -> torch.Tensor:
    """[N] mean distance to the 3 nearest others; in blocks, so that memory stays small."""
    k = min(NEIGHBOURS + 1, len(means))
    blocks = [torch.cdist(block, means).topk(k, largest=False).values[:, 1:].mean(1) for block in means.split(1024)]
    return torch.cat(blocks)
