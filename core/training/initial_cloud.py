# SPDX-License-Identifier: GPL-3.0-or-later
"""The first Gaussians: points of the pictures lifted by their depth, or random ones where footage has no depth.

TalkingGaussian starts from a random cube. Not in the paper: chosen because lifted points save the thousands of
steps in which a cube finds the surface. Letters: N points, S candidates, F pictures.
"""

from typing import NamedTuple

import numpy as np
import torch

from ..footage import Footage
from ..formats import SH_C0, SH_COEFFICIENTS
from ..head import Cloud
from .lift_depth import complete_depth, depth_edges, lift_pixels
from .reference import Reference

MAX_PICTURES = 60  # that are lifted
MAX_PIXELS = 25_000  # of a picture that are lifted: 60 large pictures stay within 100 MB
MOVING = 0.035  # metres around the mouth's landmarks: only pictures of the reference mouth count here
DETAIL = {"lips": (48, 68, 14.0), "eyes": (36, 48, 8.0), "face": (0, 36, 3.0)}  # landmarks -> density near them
NEAR = 0.012  # metres: how near "near" is
MIN_LIFTED = 16  # points; with fewer, random ones
OPACITY = 0.6
NEIGHBOURS = 3  # a first radius is the mean distance to so many (3DGS)


class LiftedPoints(NamedTuple):
    """Candidates for the first Gaussians."""

    points: np.ndarray  # [S,3] metres, head space
    colours: np.ndarray  # [S,3] 0..1
    weights: np.ndarray  # [S] how likely each is to be chosen, relatively


def initial_cloud(
    footage: Footage,
    frames: np.ndarray,  # [F] pictures
    reference: Reference,
    branch: str,
    count: int,
    sh_degree: int,
    rng: np.random.Generator,
) -> Cloud:
    """`count` Gaussians of a branch; colours from the pictures."""
    others = rng.permutation(np.setdiff1d(frames, reference.frames))
    added = others[: max(MAX_PICTURES - len(reference.frames), 0)] if branch == "face" else others[:0]
    lifted = lift_pictures(footage, np.concatenate([reference.frames[:MAX_PICTURES], added]), reference, branch, rng)
    if len(lifted.points) >= MIN_LIFTED:
        chances = lifted.weights / lifted.weights.sum()
        rows = rng.choice(len(chances), min(count, len(chances)), replace=False, p=chances)
        points, colours = lifted.points[rows], lifted.colours[rows]
    else:
        points, colours = random_points(reference, branch, count, rng), np.full((count, 3), 0.5)
    return _round_gaussians(points.astype(np.float32), colours.astype(np.float32), sh_degree)


def lift_pictures(
    footage: Footage, frames: np.ndarray, reference: Reference, branch: str, rng: np.random.Generator
) -> LiftedPoints:
    """The points of a branch in some pictures; none where the footage has no depth."""
    lifted = [_lift_picture(footage, int(i), reference, branch, rng) for i in frames]
    lifted = [part for part in lifted if part is not None]
    if not lifted:
        return LiftedPoints(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    points, colours, weights = (np.concatenate(column) for column in zip(*lifted))
    if branch == "face" and len(points):
        weights = weights * _detail(points, reference.landmarks)
    return LiftedPoints(points, colours, weights)


def _lift_picture(
    footage: Footage, i: int, reference: Reference, branch: str, rng: np.random.Generator
) -> LiftedPoints | None:
    stored = footage.depth(i)
    if stored is None:
        return None
    picture, camera = footage.picture(i), footage.camera(i)
    depth = complete_depth(stored, picture.alpha, camera.fx)
    inside = picture.mouth > 0.5 if branch == "mouth" else (picture.mouth == 0) & (picture.alpha > 0.99)
    rows, columns = np.nonzero(inside & (depth > 0) & ~depth_edges(depth))
    if len(rows) > MAX_PIXELS:
        some = np.sort(rng.choice(len(rows), MAX_PIXELS, replace=False))
        rows, columns = rows[some], columns[some]
    points = lift_pixels(camera, depth, rows, columns)
    if branch == "face" and i not in reference.frames:
        still = distance_to_nearest(points, reference.landmarks[48:68]) > MOVING
        rows, columns, points = rows[still], columns[still], points[still]
    # A far pixel covers more skin than a near one.
    weights = (depth[rows, columns] / camera.fx) ** 2
    return LiftedPoints(points, picture.rgb[rows, columns] / picture.alpha[rows, columns, None], weights)


def _detail(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:  # [S,3], [68,3] -> [S]
    """How densely points are chosen around lips, eyes and face, relative to the rest."""
    detail = np.ones(len(points))
    for first, end, gain in DETAIL.values():
        distance = distance_to_nearest(points, landmarks[first:end])
        detail = np.maximum(detail, 1 + (gain - 1) * np.exp(-0.5 * (distance / NEAR) ** 2))
    return detail


def distance_to_nearest(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """[S] distance to the nearest of some landmarks."""
    least = np.full(len(points), np.inf)
    for mark in landmarks:
        np.minimum(least, np.linalg.norm(points - mark, axis=1), out=least)
    return least


def random_points(reference: Reference, branch: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """[N,3] within the bounds of a branch, for footage without depth (TalkingGaussian's start)."""
    centre = reference.centre if branch == "face" else reference.mouth_centre
    extent = reference.half_extent if branch == "face" else reference.mouth_half_extent
    return centre + rng.uniform(-0.6, 0.6, (count, 3)) * extent


def _round_gaussians(points: np.ndarray, colours: np.ndarray, sh_degree: int) -> Cloud:  # [N,3], [N,3] float32
    """Spheres that nearly touch their neighbours."""
    means, n = torch.from_numpy(points), len(points)
    radius = _neighbour_distance(means).clamp(2e-4, 8e-3)
    return Cloud(
        means,
        torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(n, 1),
        (0.8 * radius).log()[:, None].repeat(1, 3),
        torch.full((n,), OPACITY).logit(),
        torch.from_numpy((colours - 0.5) / SH_C0),
        torch.zeros(n, SH_COEFFICIENTS[sh_degree], 3),
    )


def _neighbour_distance(means: torch.Tensor) -> torch.Tensor:
    """[N] mean distance to the 3 nearest others; in blocks, so that memory stays small."""
    k = min(NEIGHBOURS + 1, len(means))
    blocks = [torch.cdist(block, means).topk(k, largest=False).values[:, 1:].mean(1) for block in means.split(1024)]
    return torch.cat(blocks)
