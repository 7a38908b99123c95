# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft alpha by colour key, and despill: the foreground's own colour without the backdrop in it.

First a certain backdrop and a certain foreground by colour; then, between them, the alpha that solves the compositing
equation with the foreground's colour as its surroundings have it and the backdrop's as it is there. Luma counts more
than chroma, because video stores chroma at half size or less and an alpha from it has stairs.

Knows no clips and no files. Letters: a alpha, B backdrop, F foreground; share as in kernels.compare_to_backdrop.
"""

import numpy as np
from scipy import ndimage

from .kernels import box_mean, compare_to_backdrop, downsample_weighted, erode, solve_alpha, solve_foreground
from .regions import certain_face_mask

# Not in a paper: chosen on the sample actor over a backdrop made like GRID's; tests/matting checks them.
FOREGROUND_SHARE = 0.5  # of the backdrop's chroma; less is person
BACKDROP_SHARE = 0.85
BACKDROP_ACROSS, FOREGROUND_ACROSS = 0.25, 0.6  # chroma across the backdrop's hue, over its chroma
CHROMA_WEIGHT = 0.3
MARGIN = 2  # pixels: how far video's chroma bleeds
FLOOR, CEILING = 0.06, 0.94  # alphas that become 0 and 1
NEAR, MIDDLE, FAR, RESIDUAL = 1, 3, 10, 6  # pixels at half size: windows for F, and for the residual of B
STRIDE = 4  # pixels at half size
WELL_EXPLAINED = 3.0  # grey levels
SPILL_SLACK = 2.0  # grey levels
SOLID = 0.9  # alpha
DEEP = 0.06  # of the face's size, from the silhouette: deeper inside, nothing shows the backdrop
CONNECTED = 0.15  # alpha from which a pixel belongs to an island
SMALL_HOLE = 0.002  # of the picture


def alpha_from_key(
    rgb: np.ndarray,  # [H,W,3] float32 0..255, colour-matched
    field: np.ndarray,  # [H,W,3] float32 0..255
    noise: float,  # grey levels
    points: np.ndarray | None = None,  # [478,2|3] pixels
) -> np.ndarray:
    """[H,W] float32 0..1; 1 throughout face and eyes, no island, no hole in the head."""
    rgb, field = np.ascontiguousarray(rgb, np.float32), np.ascontiguousarray(field, np.float32)
    back, front = _classify(rgb, field, noise)
    face = certain_face_mask(front.shape, points)
    front = main_component(front | face, face)
    core = erode(front, MARGIN)
    if not core.any():
        return np.zeros(front.shape, np.float32)
    near, far = foreground_colours(rgb, core)
    residual, unknown = backdrop_residual(rgb - field, erode(back, MARGIN)), ~(core | (back & ~front))
    variance = WELL_EXPLAINED**2 + noise**2
    alpha = solve_alpha(rgb, unknown, field, residual, near, far, STRIDE, CHROMA_WEIGHT, variance)
    alpha = np.where(core, np.float32(1.0), np.clip((alpha - FLOOR) / (CEILING - FLOOR), 0.0, 1.0))
    return clean_alpha(alpha, face)


def _classify(rgb: np.ndarray, field: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """([H,W] bool certain backdrop, [H,W] bool foreground) by colour alone."""
    share, across, luma_difference = compare_to_backdrop(rgb, field)
    limit = max(4.0 * noise, 6.0)
    back = (share > BACKDROP_SHARE) & (np.abs(luma_difference) < limit) & (np.abs(across) < BACKDROP_ACROSS)
    return back, (share < FOREGROUND_SHARE) | (np.abs(across) > FOREGROUND_ACROSS)


def _components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """([H,W] the number of each pixel's connected component, 0 outside the mask; how many there are)."""
    labels = np.empty(mask.shape, np.int32)
    ndimage.label(mask, output=labels)
    return labels, int(labels.max(initial=0))


def main_component(front: np.ndarray, face: np.ndarray) -> np.ndarray:
    """[H,W] bool: the connected component that contains the face, or the largest."""
    labels, count = _components(front)
    if count < 2:
        return front
    sizes = np.bincount(labels[face] if face.any() else labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return labels == sizes.argmax()


def fill_small_holes(
    mask: np.ndarray,  # [H,W] bool
    margin: int,  # pixels
) -> np.ndarray:
    """[H,W] bool: the mask with its small holes filled that reach further than the margin from its outer rim."""
    holes, count = _components(~mask)
    small = np.bincount(holes.ravel(), minlength=count + 1) < SMALL_HOLE * mask.size
    small[0] = False
    for rim in (holes[0], holes[-1], holes[:, 0], holes[:, -1]):
        small[rim] = False
    if not small.any():
        return mask
    enclosed = small[holes]
    deep = enclosed & erode(mask | enclosed, margin)
    filled = np.zeros(count + 1, bool)
    filled[holes[deep]] = True
    return mask | filled[holes]


def foreground_colours(rgb: np.ndarray, core: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half size: [h,w,4] the core's colour times its weight, and the weight, in a small window; [h,w,3] its colour
    around each pixel, from further away where none is near."""
    near = box_mean(downsample_weighted(rgb, core.astype(np.float32)), NEAR)
    total = near + np.float32(0.1) * box_mean(near, MIDDLE)
    total += np.float32(0.01) * box_mean(near, FAR) + np.float32(1e-6) * near.reshape(-1, 4).mean(0)
    return near, total[..., :3] / np.maximum(total[..., 3:], np.float32(1e-12))


def backdrop_residual(difference: np.ndarray, back: np.ndarray) -> np.ndarray:
    """[h,w,3] half size: mean difference of the certain backdrop to its field nearby, 0 where there is none."""
    halves = box_mean(downsample_weighted(difference, back.astype(np.float32)), RESIDUAL)
    return halves[..., :3] / (halves[..., 3:] + np.float32(0.02))


def clean_alpha(
    alpha: np.ndarray,  # [H,W] float32; changed
    face: np.ndarray,  # [H,W] bool
) -> np.ndarray:
    """The alpha with the face opaque, islands removed, holes deep in the head filled; gaps between locks at its rim
    stay."""
    alpha[face] = 1.0
    kept = main_component(alpha > CONNECTED, face)
    alpha[erode(~kept, 1)] = 0.0
    solid = fill_small_holes(alpha > SOLID, max(int(DEEP * np.sqrt(face.sum())), 3))
    alpha[erode(solid, 1)] = 1.0
    return alpha


def despill(
    rgb: np.ndarray,  # [H,W,3] float32 0..255, colour-matched
    alpha: np.ndarray,  # [H,W] float32 0..1
    field: np.ndarray | None = None,  # [H,W,3] the backdrop's colour; None: estimated from the surroundings
) -> np.ndarray:
    """[H,W,3] uint8, straight: the foreground's colour without the backdrop, also where alpha is 0 (there its
    surroundings' colour, so that filtering a picture pulls nothing of the backdrop in)."""
    rgb, alpha = np.ascontiguousarray(rgb, np.float32), np.ascontiguousarray(alpha, np.float32)
    if field is None:
        half = foreground_colours(rgb, erode(alpha < 0.02, 1))[1]
        field = half.repeat(2, 0).repeat(2, 1)[: rgb.shape[0], : rgb.shape[1]]
    opaque = alpha > 0.99
    core = erode(opaque, MARGIN)
    foreground = foreground_colours(rgb, core if core.any() else opaque)[1]
    edge = (~erode(core, 1)).astype(np.float32)
    solved = solve_foreground(rgb, alpha, np.ascontiguousarray(field, np.float32), foreground, edge, SPILL_SLACK)
    return (solved + np.float32(0.5)).astype(np.uint8)
