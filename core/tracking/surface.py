# SPDX-License-Identifier: GPL-3.0-or-later
"""The fitted face as a depth map, from which training places its initial Gaussians.

`render_surface` draws the rig with a small z-buffer, exactly at pixel centres, planar depth (along the view axis). The
rig has no hair and no shoulders: `estimate_person_depth` guesses a depth for the rest of the person.
Letters: H x W pixels, V vertices, F triangles.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from ..compiling import cached_njit
from .rig import PART_NECK, FaceRig

PERSON = 0.5  # alpha from which a pixel belongs to the person
MAX_HAIR = 0.02  # metres that hair is behind the nearest edge of the face, far away from it
HAIR_REACH = 0.05  # metres in the picture within which it recedes by 1 - 1/e of that
MAX_TORSO = 0.03  # metres that the chest comes towards the camera from the neck
TORSO_REACH = 0.12  # metres


@dataclass(frozen=True)
class SurfaceRender:
    """The rig in one picture."""

    depth: np.ndarray  # [H, W] float32 metres along the view axis, 0 = nothing
    part: np.ndarray  # [H, W] uint8: 0 nothing, or the rig's SKIN, NECK, EYE, MOUTH


@cached_njit()
def rasterize_triangles(
    pixels,  # [V, 2] float64, centres at +0.5
    depths,  # [V] float64 metres; triangles with a corner at or behind 0 are left out
    triangles,  # [F, 3] integers
    parts,  # [F] uint8
    depth_image,  # [H, W] float64, inf = nothing; changed
    part_image,  # [H, W] uint8; changed
):  # pragma: no cover (compiled)
    """Draw triangles over what is there; the smaller depth wins."""
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
                depth = 1.0 / (wa / depths[a] + wb / depths[b] + wc / depths[c])  # 1/z is linear in the image
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
) -> SurfaceRender:
    """Depth and parts of the rig in one picture, perspective-correct; a camera inside the head is no error."""
    camera_points = rig.vertices(identity, expression).astype(np.float64) @ viewmat[:3, :3].T + viewmat[:3, 3]
    homogeneous = camera_points @ np.asarray(K, np.float64).T
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = homogeneous[:, :2] / homogeneous[:, 2:]
    # A camera inside the head would make unbounded pixels; what is behind it is not drawn.
    depths = np.where(np.isfinite(pixels).all(1), camera_points[:, 2], 0.0)
    pixels = np.clip(np.nan_to_num(pixels), -1e6, 1e6)
    depth = np.full((size[1], size[0]), np.inf)
    part = np.zeros((size[1], size[0]), np.uint8)
    rasterize_triangles(pixels, depths, rig.triangles, rig.parts, depth, part)
    return SurfaceRender(np.where(np.isfinite(depth), depth, 0.0).astype(np.float32), part)


def estimate_person_depth(
    surface: SurfaceRender,
    alpha: np.ndarray,  # [H, W] 0..1 of the person
    focal: float,  # pixels
) -> np.ndarray:
    """[H, W] float32 metres along the view axis, 0 = background: the rig's depth where it is drawn, a guess for hair,
    ears and torso.

    Not in the paper: chosen because it is continuous. The guess starts at the depth of the nearest edge of the rig.
    Beside and above the face it recedes, by MAX_HAIR at the end; below the neck it comes forward, by MAX_TORSO at the
    end; both smoothly. Outside the person's mask there is no depth, not even the rig's.
    """
    person = np.asarray(alpha) >= PERSON
    drawn = surface.depth > 0.0
    if not drawn.any():
        return np.zeros(surface.depth.shape, np.float32)
    guess = _extrapolate_depth(surface, drawn, focal)
    soft = gaussian_filter(np.where(drawn, surface.depth, guess), 2.0)  # nearest edges meet in creases
    return np.where(person, np.where(drawn, surface.depth, soft), 0.0).astype(np.float32)


def _extrapolate_depth(surface: SurfaceRender, drawn: np.ndarray, focal: float) -> np.ndarray:
    """[H, W] metres: the depth of the nearest drawn pixel, receding for hair and approaching for the torso."""
    nearest_drawn = np.asarray(distance_transform_edt(~drawn, return_distances=False, return_indices=True))  # [2, H, W]
    nearest = surface.depth[nearest_drawn[0], nearest_drawn[1]].astype(np.float64)
    distance = np.sqrt(((nearest_drawn - np.indices(drawn.shape)) ** 2.0).sum(0))  # pixels
    away = distance * float(np.median(surface.depth[drawn])) / focal  # metres
    hair = nearest + MAX_HAIR * (1.0 - np.exp(-away / HAIR_REACH))
    chest = nearest - MAX_TORSO * (1.0 - np.exp(-away / TORSO_REACH))
    torso = torso_share(surface)
    return torso * chest + (1.0 - torso) * hair


def torso_share(surface: SurfaceRender) -> np.ndarray:
    """[H, W] 0..1: how far a pixel belongs to the torso: lower than the middle of the neck, softly."""
    rows = np.nonzero((surface.part == PART_NECK).any(1))[0]
    if not len(rows):
        return np.zeros(surface.part.shape)
    height = max(float(rows[-1] - rows[0]), 4.0)
    below = (np.arange(len(surface.part)) + 0.5 - (rows[0] + 0.5 * height)) / (0.25 * height)
    return np.broadcast_to((1.0 / (1.0 + np.exp(-np.clip(below, -30, 30))))[:, None], surface.part.shape)
