# SPDX-License-Identifier: GPL-3.0-or-later
"""Orthographic depth pictures of a head from all around, without what is the inside of a thin layer.

A head that was filmed from the front has no back, and a bust has no bottom: a camera there sees the face, or the cloth
of the shoulders, from within.

Letters: H x W pixels.
"""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np

from ..formats import Camera, Gaussians
from ..jobs import Pace, Progress
from ..performance import Frame
from ..raster import rasterize

SIDE = 288  # pixels: 1.5 mm each for a bust of 40 cm
REACH = 12  # pixels: as far as the hull asks
OPAQUE = 0.5  # alpha from which a pixel shows a surface
DISTANCE = 2.0  # half extents from the head's centre to a camera
# Directions to the camera, degrees: (elevation, azimuths); azimuth 0 is in front of the face. From below only in front
# and flat: a bust has no bottom, and a steeper camera looks into the neck. Not in the paper: chosen because with half
# as many again the median distance from the depth of other views did not become smaller.
RINGS = (
    (-12, (-60, -30, 0, 30, 60)),
    (0, tuple(range(0, 360, 30))),
    (25, tuple(range(15, 375, 30))),
    (55, tuple(range(0, 360, 60))),
    (89, (0,)),
)
# metres between what a camera behind or below the head and the one opposite see: less, and it is a layer seen from
# within. Not in the paper: chosen because no neck is thinner.
THINNEST = 0.03


class DepthView(NamedTuple):
    """What an orthographic camera sees of a head."""

    camera: Camera
    depth: np.ndarray  # [H,W] float32 metres along the axis; camera.far where nothing is, 0 where it cannot be told
    beside: np.ndarray  # [H,W] float32 metres in the picture to the nearest pixel that shows something, REACH at most


def depth_views(frame: Frame, canonical: Gaussians) -> Generator[Progress, None, list[DepthView]]:
    """What is seen of a head, of its Gaussians in `frame`, from each direction of RINGS; head space, metres."""
    seen = canonical.opacities > OPAQUE
    low, high = np.percentile(frame.means[seen if seen.any() else slice(None)], (0.2, 99.8), axis=0)
    centre, half = (low + high) / 2, float(np.linalg.norm(high - low)) / 2 + 0.02
    directions = [_direction(azimuth, elevation) for elevation, ring in RINGS for azimuth in ring]
    pace, views = Pace(len(directions)), []
    for direction in directions:
        view = _view(frame, canonical, centre, half, direction)
        if direction[1] > 0 or direction[2] < 0:
            view = _outside(view, _view(frame, canonical, centre, half, -direction))
        views.append(view)
        yield pace.at(pace.done + 1, "looking at the head")
    return views


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    a, e = np.radians((azimuth, elevation))
    return np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])


def _view(frame: Frame, canonical: Gaussians, centre: np.ndarray, half: float, direction: np.ndarray) -> DepthView:
    eye = centre + DISTANCE * half * direction
    matrix = Camera.looking_at(eye, centre, SIDE, SIDE, 1.0).viewmat
    scale, far = SIDE / (2 * half), 2 * DISTANCE * half
    camera = Camera(SIDE, SIDE, scale, scale, SIDE / 2, SIDE / 2, matrix, "orthographic", far=far)
    g = canonical
    picture = rasterize(*frame, g.opacities, g.sh0, g.shN, camera, depth=True, sh_degree=0, backend="numba")
    depth = np.where(picture.alpha > OPAQUE, np.asarray(picture.depth_median), far)
    return DepthView(camera, depth.astype(np.float32), _distance(depth < far) / np.float32(scale))


def _distance(shown: np.ndarray) -> np.ndarray:
    """[H,W] float32 pixels to the nearest that is `shown`, REACH at most: first along columns, then along rows."""
    height, width = shown.shape
    squared = np.where(shown, 0, REACH**2).astype(np.float32)
    for axis in range(2):
        padded = np.pad(squared, [(REACH, REACH) if k == axis else (0, 0) for k in range(2)], constant_values=REACH**2)
        for step in range(-REACH, REACH + 1):
            rows, columns = (slice(REACH + step, REACH + step + n) for n in (height, width))
            shifted = padded[rows] if axis == 0 else padded[:, columns]
            np.minimum(squared, shifted + np.float32(step**2), out=squared)
    return np.sqrt(squared)


def _outside(view: DepthView, opposite: DepthView) -> DepthView:
    """The view without the pixels at which the head is but a thin layer."""
    thickness = view.camera.far - view.depth - opposite.depth[:, ::-1]
    is_thin = (view.depth < view.camera.far) & (thickness < THINNEST)
    return view._replace(depth=np.where(is_thin, 0.0, view.depth).astype(np.float32))
