# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft alpha by colour key, and the foreground's own colour without the backdrop in it.

First a sure backdrop and a sure foreground by colour; then, between them, the alpha that solves the compositing
equation with the foreground's colour as its surroundings have it and the backdrop's as it is there. Luma counts more
than chroma, because video stores chroma at half size or less and an alpha from it has stairs.

It knows no clips and no files. Letters: a alpha, B backdrop, F foreground; share as in kernels.compare.
"""

import numpy as np
from scipy import ndimage

from .kernels import box_mean, compare, solve_alpha, solve_foreground, weighted_halves
from .regions import filled, inner_face, seen

# Not in a paper: chosen on the sample actor over a backdrop made like GRID's; tests/matting holds them to it.
FOREGROUND_SHARE = 0.5  # of the backdrop's chroma; less is person
BACKDROP_SHARE = 0.85
CHROMA_WEIGHT = 0.3
MARGIN = 2  # pixels: how far video's chroma bleeds
FLOOR, CEILING = 0.06, 0.94  # alphas that become 0 and 1
NEAR, FAR = 2, 10  # pixels at half size: windows for the foreground's colour
SPILL_SLACK = 2.0  # grey levels
CONNECTED = 0.15  # alpha from which a pixel belongs to an island
SMALL_HOLE = 0.002  # of the picture


def alpha_by_key(
    rgb: np.ndarray,  # [H,W,3] float32 0..255, evened
    field: np.ndarray,  # [H,W,3] float32 0..255
    noise: float,  # grey levels
    points: np.ndarray | None = None,  # [478,2|3] pixels
) -> np.ndarray:
    """[H,W] float32 0..1; 1 throughout the face oval, no island, no small hole."""
    rgb, field = np.ascontiguousarray(rgb, np.float32), np.ascontiguousarray(field, np.float32)
    share, across, lighter = compare(rgb, field)
    limit = max(4.0 * noise, 6.0)
    back = (share > BACKDROP_SHARE) & (np.abs(lighter) < limit) & (np.abs(across) < 0.25)
    front = (share < FOREGROUND_SHARE) | (np.abs(across) > 0.6)
    face = filled(front.shape, inner_face(points)) if seen(points) else np.zeros_like(front)
    front |= face
    front = body_of(front, face)
    core = eroded(front, MARGIN)
    foreground = coloured(rgb, core)
    residual = left_over(rgb - field, eroded(back, MARGIN))
    alpha = solve_alpha(rgb, field, residual, foreground, CHROMA_WEIGHT)
    alpha = np.clip((alpha - FLOOR) / (CEILING - FLOOR), 0.0, 1.0)
    alpha[core] = 1.0
    alpha[back & ~front] *= 0.0
    return finished(alpha, face)


def eroded(mask: np.ndarray, margin: int) -> np.ndarray:
    """[H,W] bool: the mask less a border of `margin` pixels (a square window)."""
    return ndimage.minimum_filter(mask.astype(np.uint8), 2 * margin + 1) > 0


def body_of(front: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The connected part that holds the face, or the largest; holes in it filled."""
    parts, count = ndimage.label(front)
    if count > 1:
        sizes = np.bincount(parts[face] if face.any() else parts.ravel(), minlength=count + 1)
        sizes[0] = 0
        front = parts == sizes.argmax()
    return without_holes(front)


def without_holes(mask: np.ndarray) -> np.ndarray:
    """Small holes filled; large ones (between arm and body) stay."""
    holes, count = ndimage.label(~mask)
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    outside = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
    small = sizes < SMALL_HOLE * mask.size
    small[outside] = False
    small[0] = False
    return mask | small[holes]


def coloured(rgb: np.ndarray, core: np.ndarray) -> np.ndarray:
    """[h,w,3] half size: the colour of the core near each pixel, from further off where none is near."""
    halves = weighted_halves(rgb, core.astype(np.float32))
    near, far = box_mean(halves, NEAR), box_mean(halves, FAR)
    rest = halves.reshape(-1, 4).mean(0)
    total = near + 0.01 * far + 1e-6 * rest
    return total[..., :3] / np.maximum(total[..., 3:], 1e-12)


def left_over(difference: np.ndarray, back: np.ndarray) -> np.ndarray:
    """[h,w,3] half size: mean difference of the sure backdrop to its field round about, 0 where there is none."""
    halves = box_mean(weighted_halves(np.ascontiguousarray(difference), back.astype(np.float32)), 6)
    return halves[..., :3] / (halves[..., 3:] + 0.02)


def finished(alpha: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The face opaque, islands gone, holes in the head filled."""
    alpha[face] = 1.0
    kept = body_of(alpha > CONNECTED, face)
    near = ndimage.maximum_filter(kept.astype(np.uint8), 3) > 0
    alpha[~near] = 0.0
    solid = without_holes(alpha > 0.9)
    alpha[solid] = np.maximum(alpha[solid], 0.9)
    inside = eroded(solid, 1)
    alpha[inside] = 1.0
    return alpha


def clean(
    rgb: np.ndarray,  # [H,W,3] float32 0..255, evened
    alpha: np.ndarray,  # [H,W] float32 0..1
    field: np.ndarray | None = None,  # [H,W,3] the backdrop's colour; None: taken from round about
) -> np.ndarray:
    """[H,W,3] uint8, straight: the foreground's colour without the backdrop, also where alpha is 0 (there its
    surroundings' colour, so that filtering a picture pulls nothing of the backdrop in)."""
    rgb = np.ascontiguousarray(rgb, np.float32)
    if field is None:
        half = coloured(rgb, eroded(alpha < 0.02, 1))
        field = np.repeat(np.repeat(half, 2, 0), 2, 1)[: rgb.shape[0], : rgb.shape[1]]
    field = np.ascontiguousarray(field, np.float32)
    opaque = alpha > 0.99
    core = eroded(opaque, MARGIN)
    edge = (~eroded(opaque, MARGIN + 1)).astype(np.float32)
    foreground = coloured(rgb, core if core.any() else opaque)
    solved = solve_foreground(rgb, np.ascontiguousarray(alpha, np.float32), field, foreground, edge, SPILL_SLACK)
    return (solved + 0.5).astype(np.uint8)
