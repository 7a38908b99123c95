# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface that a picture shows: its depth, where it is in the world, and which way it faces.

Two depths are known of a pixel. The blended one is smooth on a surface, and between two surfaces it is on neither; the
median one is on one of them, and steps from Gaussian to Gaussian. The surface is the blended depth, kept within
THICKNESS of the median one: smooth on skin, and with hard edges. Not in a paper: chosen because a head's opaque layer
is about as thick.

Letters: H x W pixels; u, v pixels to the right and downwards, centres at +0.5.
"""

from dataclasses import replace

import numpy as np

from ..formats import Camera
from ..raster import Rendering

THICKNESS = 0.003  # metres
REACH = 0.003  # metres on the surface by which depth is smoothed before it is differentiated
STEEPEST = 4.0  # depth over width from which two pixels are of different surfaces, beyond THICKNESS
TAPS = ((1, 0.25), (2, 0.0625))  # of the B3 spline beside its centre, 0.375: (pixels, weight)


def surface_depth(rendering: Rendering, is_visible: np.ndarray, scale: float) -> np.ndarray:
    """[H,W] float32 metres along the camera's axis; 0 where nothing is visible. scale: of the head in its scene."""
    blended, median = np.asarray(rendering.depth_expected), np.asarray(rendering.depth_median)
    thickness = np.float32(THICKNESS * scale)
    kept = np.where(median > 0, np.clip(blended, median - thickness, median + thickness), blended)
    return np.where(is_visible, kept, np.float32(0))


def world_points(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """[H,W,3] float32 metres in the space that the camera sees: the middle of each pixel at this depth; 0 where the
    depth is 0."""
    v, u = np.meshgrid(np.arange(camera.height) + 0.5, np.arange(camera.width) + 0.5, indexing="ij")
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    if camera.kind == "perspective":
        x, y = x * depth, y * depth
    to_world = np.linalg.inv(camera.matrix)
    points = np.stack([x, y, depth], axis=-1) @ to_world[:3, :3].T + to_world[:3, 3]
    return np.where(depth[..., None] > 0, points, 0).astype(np.float32)


def world_normals(depth: np.ndarray, camera: Camera, scale: float) -> np.ndarray:
    """[H,W,3] float32: unit length, in the space that the camera sees, towards the camera; 0 where the depth is 0.

    Differences of the points of the smoothed depth, none across an edge; a pixel without a neighbour on its own surface
    faces the camera. Not in a paper: chosen because the depth's own slopes are noise of single Gaussians.
    """
    rows, columns = (np.flatnonzero((depth > 0).any(axis=axis)) for axis in (1, 0))
    normals = np.zeros((*depth.shape, 3), np.float32)
    if len(rows):
        inside = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        at = replace(
            camera,
            width=inside[1].stop - inside[1].start,
            height=inside[0].stop - inside[0].start,
            cx=camera.cx - inside[1].start,
            cy=camera.cy - inside[0].start,
        )
        normals[inside] = _normals(depth[inside], at, scale)
    return normals


def scale_of(camera: Camera) -> float:
    """Length in camera space over length in head space, for a head that its scene has scaled."""
    return float(np.cbrt(abs(np.linalg.det(camera.matrix[:3, :3]))))


def _normals(depth: np.ndarray, camera: Camera, scale: float) -> np.ndarray:
    pixel = float(np.median(depth[depth > 0]) if camera.kind == "perspective" else 1) / camera.fx  # metres
    smooth = _smoothed(depth, pixel, scale)
    points = world_points(smooth, camera)
    across, down = (_slopes(points, smooth, axis, pixel, scale) for axis in (1, 0))
    to_world = np.linalg.inv(camera.matrix)
    is_parallel = camera.kind == "orthographic"
    to_eye = np.broadcast_to(-to_world[:3, 2], points.shape) if is_parallel else to_world[:3, 3] - points
    normals = np.cross(across, down)
    normals = np.where((normals == 0).all(axis=-1, keepdims=True), to_eye, normals)
    normals *= np.where((normals * to_eye).sum(axis=-1, keepdims=True) < 0, -1, 1)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-20)
    return np.where(depth[..., None] > 0, normals, 0)


def _smoothed(depth: np.ndarray, pixel: float, scale: float) -> np.ndarray:
    """The depth smoothed over REACH, from surface to surface for itself: an a-trous filter with a limit on the
    difference (Dammertz et al. 2010, "Edge-Avoiding A-Trous Wavelet Transform", with a hard limit for its weights).

    pixel: metres that a pixel is wide.
    """
    step = 1
    while step * pixel <= REACH * scale:
        for axis in (0, 1):
            total, weights = 0.375 * depth, np.full_like(depth, 0.375)
            for offset, weight in ((sign * step * taps, weight) for taps, weight in TAPS for sign in (-1, 1)):
                other = _shifted(depth, offset, axis)
                used = weight * _is_same(depth, other, abs(offset) * pixel, scale)
                total += used * other
                weights += used
            depth = np.where(depth > 0, total / weights, np.float32(0))
        step *= 2
    return depth


def _slopes(points: np.ndarray, depth: np.ndarray, axis: int, pixel: float, scale: float) -> np.ndarray:
    """[H,W,3]: the points' change from one pixel to the next; 0 where neither neighbour is of the surface."""
    total = np.zeros(points.shape)
    for offset in (-1, 1):
        same = _is_same(depth, _shifted(depth, offset, axis), pixel, scale)
        total += np.where(same[..., None], -offset * (_shifted(points, offset, axis) - points), 0)
    return total


def _is_same(depth: np.ndarray, other: np.ndarray, width: float, scale: float) -> np.ndarray:
    """Whether both are of one surface; width: metres between them."""
    limit = np.float32(THICKNESS * scale + STEEPEST * width)
    return (depth > 0) & (other > 0) & (np.abs(depth - other) <= limit)


def _shifted(values: np.ndarray, offset: int, axis: int) -> np.ndarray:
    """values[i - offset] at i along the axis; 0 beyond the border."""
    result = np.zeros_like(values)
    size = values.shape[axis]
    if abs(offset) < size:
        target, source = [slice(None)] * values.ndim, [slice(None)] * values.ndim
        target[axis] = slice(max(offset, 0), size + min(offset, 0))
        source[axis] = slice(max(-offset, 0), size - max(offset, 0))
        result[tuple(target)] = values[tuple(source)]
    return result
