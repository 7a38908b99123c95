# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions of a picture from MediaPipe's 478 landmarks: polygons of the face mesh and their masks, and the pixels that
certainly do not show the person.

Knows no colour.

Letters: points [478,2] or [478,3] pixels, x right, y down, pixel (0, 0) has its centre at (0.5, 0.5).
"""

from typing import TypeGuard

import numpy as np
from PIL import Image, ImageDraw

# Closed polygons of MediaPipe's canonical face mesh (face_geometry, Apache-2.0), in drawing order.
FACE_OVAL = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288,
    397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136,
    172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
])  # fmt: skip
INNER_LIPS = np.array([78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95])
EYES = (
    np.array([33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]),
    np.array([263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466]),
)
CHEEKS = np.array([205, 425, 50, 280, 187, 411])  # skin that hardly moves in speech and is not shaded by the hair
UPPER_LIP, LOWER_LIP, EYE_CORNERS = 13, 14, (33, 263)

INNER = 0.92  # of the face oval's size: certainly the person
SUBPIXELS = 8  # a pixel's share of a polygon is counted on 8x8 samples


def has_face(points: np.ndarray | None) -> TypeGuard[np.ndarray]:
    """Whether a face was found: landmarks that are all finite."""
    return points is not None and bool(np.isfinite(points[:, :2]).all())


def polygon_coverage(
    shape: tuple[int, ...],
    polygon: np.ndarray,  # [P,2] pixels
) -> np.ndarray:
    """[H,W] float32 the share of each pixel inside the polygon, counted on SUBPIXELS^2 samples (even-odd rule)."""
    height, width = shape
    out = np.zeros(shape, np.float32)
    if not np.isfinite(polygon).all():
        return out
    low = np.clip(np.floor(polygon.min(0)).astype(int) - 1, 0, (width, height))
    high = np.clip(np.ceil(polygon.max(0)).astype(int) + 1, 0, (width, height))
    if (high <= low).any():
        return out
    size = high - low
    inside = _even_odd(polygon, low, size)
    cells = inside.reshape(size[1], SUBPIXELS, size[0], SUBPIXELS).mean((1, 3))
    out[low[1] : high[1], low[0] : high[0]] = cells
    return out


def _even_odd(polygon: np.ndarray, low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """float32 0 or 1 at the subpixel centres of a box: a scanline through them meets the edges in sorted crossings."""
    ys = (np.arange(size[1] * SUBPIXELS) + 0.5) / SUBPIXELS + low[1]
    (x0, y0), (x1, y1) = polygon.T, np.roll(polygon, -1, axis=0).T
    crosses = (y0[None] <= ys[:, None]) != (y1[None] <= ys[:, None])  # [ys,P]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x = x0 + (ys[:, None] - y0) * (x1 - x0) / (y1 - y0)
    flips = np.zeros((len(ys), size[0] * SUBPIXELS + 1), np.int32)
    rows, edges = np.nonzero(crosses)
    columns = np.clip(np.ceil((x[rows, edges] - low[0]) * SUBPIXELS - 0.5).astype(int), 0, size[0] * SUBPIXELS)
    np.add.at(flips, (rows, columns), 1)
    return (np.cumsum(flips, axis=1)[:, :-1] & 1).astype(np.float32)


def polygon_mask(
    shape: tuple[int, ...],
    polygon: np.ndarray,  # [P,2] pixels
) -> np.ndarray:
    """[H,W] bool, fast and exact to about a pixel."""
    picture = Image.new("1", (shape[1], shape[0]))
    ImageDraw.Draw(picture).polygon([(float(x) - 0.5, float(y) - 0.5) for x, y in polygon], fill=1)
    return np.asarray(picture, dtype=bool)


def face_bounds(points: np.ndarray) -> np.ndarray:
    """[4] x0, y0, x1, y1 of the face oval."""
    oval = points[FACE_OVAL, :2]
    return np.concatenate([oval.min(0), oval.max(0)])


def inner_face_polygon(points: np.ndarray) -> np.ndarray:
    """[36,2] the face oval scaled towards its middle: certainly the person, however the landmarks err at the cheeks."""
    oval = points[FACE_OVAL, :2]
    middle = (oval.min(0) + oval.max(0)) / 2
    return middle + INNER * (oval - middle)


def certain_face_mask(shape: tuple[int, ...], points: np.ndarray | None) -> np.ndarray:
    """[H,W] bool: inside of the face oval, eyes, open mouth; empty without a face."""
    out = np.zeros(shape, bool)
    if has_face(points):
        for polygon in (inner_face_polygon(points), *(points[ring, :2] for ring in (*EYES, INNER_LIPS))):
            out |= polygon_mask(shape, polygon)
    return out


def certain_backdrop_mask(
    shape: tuple[int, ...],
    points: np.ndarray | None,
) -> np.ndarray:
    """[H,W] bool: far enough from the face that neither hair nor shoulders are there; without a face, a strip along
    the upper border.

    Not in a paper: chosen because hair seldom reaches 0.55 face heights above the brow's rim or one face width to the
    side of the face, and shoulders begin below the chin.
    """
    height, width = shape
    out = np.zeros(shape, bool)
    if not has_face(points):
        out[: height // 8] = True
        out[: height // 2, : width // 10] = out[: height // 2, width - width // 10 :] = True
        return out
    x0, y0, x1, y1 = face_bounds(points)
    face_width, face_height = x1 - x0, y1 - y0
    out[: max(int(y0 - 0.55 * face_height), 0)] = True
    chin = int(np.clip(y1 - 0.15 * face_height, 0, height))
    out[:chin, : max(int(x0 - 0.8 * face_width), 0)] = True
    out[:chin, min(int(x1 + 0.8 * face_width), width) :] = True
    return out
