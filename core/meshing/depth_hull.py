# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth pictures -> one signed distance: a point is outside where at least `AGREE` cameras see past it, else inside.

The depth hull (Bogomjakov, Gotsman, Magnor, "Free-viewpoint video from depth cameras", 2006) with several witnesses in
place of one: closed by construction, also where no camera looks, and free of what hangs in the air, which other cameras
see past. The blending of truncated distances (Curless and Levoy 1996) would leave holes there.

Letters: X, Y, Z points along each axis.
"""

from collections.abc import Generator, Sequence

import numpy as np

from ..jobs import Pace, Progress
from .depth_views import DepthView

TRUNCATION = 0.018  # metres: more than the diagonal of a cell
AGREE = 4  # not in the paper: chosen because it lay nearest to the depth of other views (2: 1.6 mm, 3: 1.4, 4: 1.2)


def depth_hull(
    views: Sequence[DepthView], axes: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> Generator[Progress, None, np.ndarray]:
    """[X,Y,Z] float32 metres, positive outside, within +-TRUNCATION, on the grid of the `axes` in head space; its
    border is outside."""
    shape = tuple(map(len, axes))
    largest = np.full((AGREE, *shape), -TRUNCATION, np.float32)  # the largest first
    pace = Pace(len(views))
    for view in views:
        clear = _clearance(view, axes)
        for kept in largest:
            smaller = np.minimum(kept, clear)
            np.maximum(kept, clear, out=kept)
            clear = smaller
        yield pace.at(pace.done + 1, "joining the views")
    field = largest[-1]
    for axis in range(3):
        np.moveaxis(field, axis, 0)[[0, -1]] = TRUNCATION
    return field


def _clearance(view: DepthView, axes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """[X,Y,Z]: how far a point lies in front of what the camera sees there, or beside all that it sees."""
    camera = view.camera
    x, y, z = np.ix_(*(np.asarray(axis, np.float32) for axis in axes))
    rows = camera.matrix[:3].astype(np.float32)
    u, v, away = (row[0] * x + row[1] * y + row[2] * z + row[3] for row in rows)
    depth = _sampled(view.depth, camera.fx * u + camera.cx, camera.fy * v + camera.cy)
    beside = _sampled(view.beside, camera.fx * u + camera.cx, camera.fy * v + camera.cy)
    clear = np.where(depth >= camera.far, beside, depth - away)
    return np.clip(clear, -TRUNCATION, TRUNCATION)


def _sampled(picture: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Bilinear; across an edge, where a mean of near and far is neither, the nearest pixel."""
    height, width = picture.shape
    u, v = np.clip(u - 0.5, 0, width - 1.001), np.clip(v - 0.5, 0, height - 1.001)
    i, j = u.astype(np.int32), v.astype(np.int32)
    s, t = u - i, v - j
    flat, at = picture.reshape(-1), j * width + i
    a, b, c, d = flat[at], flat[at + 1], flat[at + width], flat[at + width + 1]
    mixed = (a * (1 - s) + b * s) * (1 - t) + (c * (1 - s) + d * s) * t
    nearest = np.where(t < 0.5, np.where(s < 0.5, a, b), np.where(s < 0.5, c, d))
    is_edge = np.maximum(np.maximum(a, b), np.maximum(c, d)) - np.minimum(np.minimum(a, b), np.minimum(c, d))
    return np.where(is_edge > TRUNCATION, nearest, mixed)
