# SPDX-License-Identifier: GPL-3.0-or-later
"""Splats drawn pixel by pixel in each way in which Blender's picture can differ from ours; each difference is a choice.

    low_pass   pixels^2 added to a splat's covariance in the picture (ours 0.3; 0: none)
    response   "projected": the Gaussian projected into the picture at its centre's depth (EWA, as 3DGS and ours);
               "ray": its greatest value along the pixel's own ray
    order      "centre": by the depth of centres (ours); "ray": by where on the ray it is greatest
    light      whether light is blended, or sRGB codes
    reach      sigma beyond which a splat is nothing, besides alpha below 1/255
    taps       offsets in pixels and their weights [M,3]: the pixel filter

A measuring tool, not a renderer: every pixel sorts its own list. Letters: N splats, M taps, H x W pixels.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numba import njit

from talksplat.core.formats import Camera, Gaussians
from talksplat.core.raster.constants import ALPHA_MAX, ALPHA_MIN, EPS2D
from talksplat.core.raster.dense import rotations
from talksplat.core.raster.sh import directions, sh_colours

MOST = 1024  # splats that a ray may meet
TILE = 8  # pixels
POINT = np.array([[0.0, 0.0, 1.0]])


def filter_taps(width: float, shape: str, steps: int = 8) -> np.ndarray:
    """[M,3] offsets and weights, sum 1, on a grid over the filter's support. shape: "box" and "blackman" of that width
    in all (as in Cycles), or "gaussian", EEVEE's fit of it: sigma 0.284 width, to `width` on either side."""
    half = width if shape == "gaussian" else width / 2
    at = (np.arange(steps) + 0.5) / steps * 2 * half - half
    if shape == "box":
        w = np.ones(steps)
    elif shape == "gaussian":
        w = np.exp(-0.5 * (at / (0.284 * width)) ** 2)
    else:
        v = 2 * np.pi * (at / width + 0.5)
        w = 0.35875 - 0.48829 * np.cos(v) + 0.14128 * np.cos(2 * v) - 0.01168 * np.cos(3 * v)
    y, x = np.meshgrid(at, at, indexing="ij")
    weights = np.outer(w, w)
    return np.stack([x.ravel(), y.ravel(), weights.ravel() / weights.sum()], axis=1)


@dataclass(frozen=True)
class Way:
    """How a picture is drawn; the defaults are ours."""

    low_pass: float = EPS2D
    response: str = "projected"
    order: str = "centre"
    light: bool = False
    reach: float = 1e9
    taps: np.ndarray = field(default_factory=lambda: POINT)


def draw(g: Gaussians, camera: Camera, box: list[int], way: Way) -> np.ndarray:
    """[h,w,4] of the box left, top, right, bottom: premultiplied codes or light, and alpha."""
    view = camera.matrix
    seen = g.means @ view[:3, :3].T + view[:3, 3]
    turned = view[:3, :3] @ rotations(torch.from_numpy(g.quats)).numpy()  # [N,3,3] axes in camera space
    half = turned * g.scales[:, None, :]
    x, y, z = seen.T
    over = 1 / z
    jacobian = np.zeros((len(seen), 2, 3))
    jacobian[:, 0, 0], jacobian[:, 0, 2] = camera.fx * over, -camera.fx * x * over**2
    jacobian[:, 1, 1], jacobian[:, 1, 2] = camera.fy * over, -camera.fy * y * over**2
    rows = jacobian @ half
    spread = rows @ rows.transpose(0, 2, 1) + way.low_pass * np.eye(2)
    centre = np.stack([camera.fx * x * over + camera.cx, camera.fy * y * over + camera.cy], axis=1)
    means, sh0, shN = (torch.from_numpy(column) for column in (g.means, g.sh0, g.shN))
    colours = sh_colours(sh0, shN, directions(means, camera), math.isqrt(shN.shape[1] + 1) - 1, way.light).numpy()
    to_unit = (turned / g.scales[:, None, :]).transpose(0, 2, 1)  # camera space -> the unit Gaussian
    order = np.argsort(z, kind="stable")
    order = order[(z[order] > camera.near) & (g.opacities[order] >= ALPHA_MIN)]
    reach = 3.4 * np.sqrt(np.stack([spread[:, 0, 0], spread[:, 1, 1]], axis=1)) + 2 + np.abs(way.taps[:, :2]).max()
    starts, lists = _tiles(centre[order], reach[order], np.array(box))
    numbers = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    return _draw(
        starts,
        lists,
        np.array(box),
        numbers,
        centre[order],
        np.linalg.inv(spread)[order],
        z[order].copy(),
        to_unit[order],
        (to_unit @ seen[..., None])[order, :, 0].copy(),
        g.opacities[order].astype(float),
        colours[order].astype(float),
        way.response == "ray",
        way.order == "ray",
        way.reach**2,
        way.taps,
    )


def _tiles(centre: np.ndarray, reach: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(first entry of each tile, splats of all tiles in their order)."""
    left, top, right, bottom = box
    lists = []
    for y in range(top, bottom, TILE):
        row = (centre[:, 1] + reach[:, 1] > y) & (centre[:, 1] - reach[:, 1] < y + TILE)
        for x in range(left, right, TILE):
            lists.append(
                np.flatnonzero(row & (centre[:, 0] + reach[:, 0] > x) & (centre[:, 0] - reach[:, 0] < x + TILE))
            )
    return np.concatenate([[0], np.cumsum([len(entries) for entries in lists])]), np.concatenate(lists)


@njit
def _draw(
    starts, lists, box, lens, centre, conic, depth, to_unit, unit, opacity, colour, by_ray, ray_order, reach2, taps
):
    left, top, right, bottom = box
    wide = (right - left + TILE - 1) // TILE
    out = np.zeros((bottom - top, right - left, 4))
    for y in range(bottom - top):
        keys, alphas, which = np.empty(MOST), np.empty(MOST), np.empty(MOST, np.int64)
        for x in range(right - left):
            tile = y // TILE * wide + x // TILE
            for tap in range(len(taps)):
                u, v = left + x + 0.5 + taps[tap, 0], top + y + 0.5 + taps[tap, 1]
                dx, dy = (u - lens[2]) / lens[0], (v - lens[3]) / lens[1]
                count = 0
                for entry in range(starts[tile], starts[tile + 1]):
                    i = lists[entry]
                    du, dv = u - centre[i, 0], v - centre[i, 1]
                    power = conic[i, 0, 0] * du * du + 2 * conic[i, 0, 1] * du * dv + conic[i, 1, 1] * dv * dv
                    if power > 40:
                        continue
                    key = depth[i]
                    if by_ray or ray_order:
                        A, p = to_unit[i], unit[i]
                        a = A[0, 0] * dx + A[0, 1] * dy + A[0, 2]
                        b = A[1, 0] * dx + A[1, 1] * dy + A[1, 2]
                        c = A[2, 0] * dx + A[2, 1] * dy + A[2, 2]
                        dd, pd = a * a + b * b + c * c, a * p[0] + b * p[1] + c * p[2]
                        if ray_order:
                            key = pd / dd
                        if by_ray:
                            power = p[0] * p[0] + p[1] * p[1] + p[2] * p[2] - pd * pd / dd
                    alpha = min(opacity[i] * math.exp(-0.5 * power), ALPHA_MAX)
                    if alpha < ALPHA_MIN or power > reach2 or count == MOST:
                        continue
                    k = count
                    while k > 0 and keys[k - 1] > key:
                        keys[k], alphas[k], which[k] = keys[k - 1], alphas[k - 1], which[k - 1]
                        k -= 1
                    keys[k], alphas[k], which[k] = key, alpha, i
                    count += 1
                left_over = 1.0
                for k in range(count):
                    weight = left_over * alphas[k] * taps[tap, 2]
                    for channel in range(3):
                        out[y, x, channel] += weight * colour[which[k], channel]
                    out[y, x, 3] += weight
                    left_over *= 1 - alphas[k]
                    if left_over < 1e-4:
                        break
    return out
