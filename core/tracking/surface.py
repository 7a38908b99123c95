# SPDX-License-Identifier: GPL-3.0-or-later
"""The fitted face as a depth picture: what lifts a trainer's first Gaussians off the film.

`surface` draws the rig with a small z-buffer, exactly at pixel centres, planar depth (along the view axis). The rig has
no hair and no shoulders: `extended` guesses a depth for the rest of the person, and says where it guessed.
Letters: H x W pixels, V vertices, F triangles.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.ndimage import distance_transform_edt, gaussian_filter

from .rig import PART_NECK, FaceRig

PERSON = 0.5  # alpha from which a pixel is the person's
MOST_HAIR = 0.02  # metres that hair lies behind the nearest edge of the face, far away from it
HAIR_REACH = 0.05  # metres on the picture within which it sinks by 1 - 1/e of that
MOST_TORSO = 0.03  # metres that the chest comes towards the camera from the neck
TORSO_REACH = 0.12  # metres


@dataclass(frozen=True)
class Surface:
    depth: np.ndarray  # [H, W] float32 metres along the view axis, 0 = nothing
    part: np.ndarray  # [H, W] uint8: 0 nothing, or the rig's SKIN, NECK, EYE, MOUTH


@dataclass(frozen=True)
class Extended:
    depth: np.ndarray  # [H, W] float32 metres, 0 = background
    guessed: np.ndarray  # [H, W] bool: not on the rig


@njit(cache=True)
def fill(
    pixels,  # [V, 2] float64, centres at +0.5
    depths,  # [V] float64 metres; triangles with a corner at or behind 0 are left out
    triangles,  # [F, 3] integers
    parts,  # [F] uint8
    depth_image,  # [H, W] float64, inf = nothing; changed
    part_image,  # [H, W] uint8; changed
):  # pragma: no cover (compiled)
    """Triangles over what is there; the smaller depth wins."""
    height, width = depth_image.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if depths[a] <= 0.0 or depths[b] <= 0.0 or depths[c] <= 0.0:
            continue
        ax, ay = pixels[a, 0], pixels[a, 1]
        bx, by = pixels[b, 0], pixels[b, 1]
        cx, cy = pixels[c, 0], pixels[c, 1]
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
                depth = 1.0 / (wa / depths[a] + wb / depths[b] + wc / depths[c])  # 1/z is linear on the film
                if depth < depth_image[row, column]:
                    depth_image[row, column] = depth
                    part_image[row, column] = parts[t]


def render_surface(
    rig: FaceRig,
    identity: np.ndarray,  # [I] sigmas
    expression: np.ndarray,  # [E] 0..1
    viewmat: np.ndarray,  # [4, 4] head space -> camera, OpenCV axes
    K: np.ndarray,  # [3, 3] pixels, centres at +0.5
    size: tuple[int, int],  # width, height
) -> Surface:
    """Depth and parts of the rig in one picture."""
    camera = rig.vertices(identity, expression).astype(np.float64) @ viewmat[:3, :3].T + viewmat[:3, 3]
    film = camera @ np.asarray(K, np.float64).T
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = film[:, :2] / film[:, 2:]
    # A camera within the head would make pixels without bounds; what is behind it is not drawn.
    depths = np.where(np.isfinite(pixels).all(1), camera[:, 2], 0.0)
    pixels = np.clip(np.nan_to_num(pixels), -1e6, 1e6)
    depth = np.full((size[1], size[0]), np.inf)
    part = np.zeros((size[1], size[0]), np.uint8)
    fill(pixels, depths, rig.triangles, rig.parts, depth, part)
    return Surface(np.where(np.isfinite(depth), depth, 0.0).astype(np.float32), part)


def extend_surface(
    found: Surface,
    alpha: np.ndarray,  # [H, W] 0..1 of the person
    focal: float,  # pixels
) -> Extended:
    """Depth for the whole person: the rig's where it is drawn, a guess for hair, ears' surroundings and torso.

    The guess (ours, no source) starts at the depth of the nearest edge of the rig. Beside and above the face it sinks
    behind it, MOST_HAIR at the end; below the neck it comes forward, MOST_TORSO at the end; both smoothly. Where the
    rig is drawn outside the person's mask nothing is kept.
    """
    person = np.asarray(alpha) >= PERSON
    drawn = found.depth > 0.0
    if not drawn.any():
        return Extended(np.zeros(found.depth.shape, np.float32), np.zeros(found.depth.shape, bool))
    distance, (rows, columns) = distance_transform_edt(~drawn, return_indices=True)
    nearest = found.depth[rows, columns].astype(np.float64)
    middle = float(np.median(found.depth[drawn]))
    away = distance * middle / focal  # metres
    sunk = nearest + MOST_HAIR * (1.0 - np.exp(-away / HAIR_REACH))
    risen = nearest - MOST_TORSO * (1.0 - np.exp(-away / TORSO_REACH))
    torso = below_neck(found, distance)
    guess = torso * risen + (1.0 - torso) * sunk
    soft = gaussian_filter(np.where(drawn, found.depth, guess), 2.0)  # nearest edges meet in creases
    depth = np.where(drawn, found.depth, soft)
    return Extended(np.where(person, depth, 0.0).astype(np.float32), person & ~drawn)


def below_neck(found: Surface, distance: np.ndarray) -> np.ndarray:
    """[H, W] 0..1: how far a pixel belongs to the torso: lower than the middle of the neck, softly."""
    rows = np.nonzero((found.part == PART_NECK).any(1))[0]
    if not len(rows):
        return np.zeros(distance.shape)
    height = max(float(rows[-1] - rows[0]), 4.0)
    at = (np.arange(len(distance)) + 0.5 - (rows[0] + 0.5 * height)) / (0.25 * height)
    return np.broadcast_to((1.0 / (1.0 + np.exp(-np.clip(at, -30, 30))))[:, None], distance.shape)
