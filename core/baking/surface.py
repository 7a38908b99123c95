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
CERTAIN = 0.9, 1.0  # share of a pixel's surroundings that is of its surface: depth says nothing, all
FLAT = 0.2, 0.5  # cosine of the slope to the view: likewise
CENTRE, TAPS = np.float32(0.375), ((1, 0.25), (2, 0.0625))  # the B3 spline's weight here, and so many pixels beside


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


def world_normals(
    depth: np.ndarray,
    discs: np.ndarray,  # [H,W,3] of camera space, any length: which way the Gaussians of a pixel face
    camera: Camera,
    scale: float,
) -> np.ndarray:
    """[H,W,3] float32: unit length, in the space that the camera sees, towards the camera; 0 where the depth is 0.

    Where a pixel lies well inside a surface, the slope of the smoothed depth; towards an edge, where depth says little,
    what the Gaussians' own shapes say. Not in a paper: chosen because a trained head's Gaussians lie along its surface
    at silhouettes, where many views have seen them edge on, and anyhow on skin, where depth is smooth.
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
        normals[inside] = _normals(depth[inside], discs[inside], at, scale)
    return normals


def _normals(depth: np.ndarray, discs: np.ndarray, camera: Camera, scale: float) -> np.ndarray:
    pixel = float(np.median(depth[depth > 0]) if camera.kind == "perspective" else 1) / camera.fx  # metres
    smooth, certainty = _smoothed(depth, pixel, scale)
    points = world_points(smooth, replace(camera, viewmat=np.eye(4).tolist()))
    slopes, are_known = zip(*(_slopes(points, smooth, axis, pixel, scale) for axis in (1, 0)))
    ahead = np.array([0, 0, 1], np.float32)
    to_eye = _unit(-points) if camera.kind == "perspective" else np.broadcast_to(-ahead, points.shape)
    sloped, shaped = (_facing(_unit(vectors), to_eye) for vectors in (np.cross(*slopes), discs))
    certainty = _from_to(np.where(np.logical_and(*are_known), certainty, 0), *CERTAIN)
    certainty = (certainty * _from_to((sloped * to_eye).sum(axis=-1), *FLAT))[..., None]
    normals = certainty * sloped + (1 - certainty) * shaped
    normals = np.where((normals == 0).all(axis=-1, keepdims=True), to_eye, normals)
    to_world = np.linalg.inv(camera.matrix)[:3, :3].astype(np.float32)
    return np.where(depth[..., None] > 0, _unit(normals @ to_world.T), 0)


def _from_to(values: np.ndarray, none: float, full: float) -> np.ndarray:
    """0 at `none`, 1 at `full`, straight between."""
    return np.clip((values - np.float32(none)) / np.float32(full - none), 0, 1)


def _facing(vectors: np.ndarray, to_eye: np.ndarray) -> np.ndarray:
    """The vectors, turned round where they point away from the camera."""
    return np.where((vectors * to_eye).sum(axis=-1, keepdims=True) < 0, -vectors, vectors)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """[...,3] of length 1; what has none stays 0."""
    return vectors / np.maximum(np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True)), np.float32(1e-20))


def _smoothed(depth: np.ndarray, pixel: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The depth smoothed over REACH, each surface for itself, and how much of what lies around is of the pixel's own,
    0..1: an a-trous filter with a limit on the difference (Dammertz et al. 2010, "Edge-Avoiding A-Trous Wavelet
    Transform", with a hard limit for its weights).

    pixel: metres that a pixel is wide.
    """
    step, certainty = 1, np.ones_like(depth)
    while step * pixel <= REACH * scale:
        for axis in (0, 1):
            total, weights = CENTRE * depth, np.full_like(depth, CENTRE)
            for offset, weight in ((sign * step * taps, weight) for taps, weight in TAPS for sign in (-1, 1)):
                other = _shifted(depth, offset, axis)
                used = np.float32(weight) * _is_same(depth, other, abs(offset) * pixel, scale)
                total += used * other
                weights += used
            depth = total / weights
            certainty *= weights
        step *= 2
    return depth, certainty


def _slopes(
    points: np.ndarray, depth: np.ndarray, axis: int, pixel: float, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """([H,W,3] the points' change from pixel to pixel, bool [H,W] where both neighbours are of the surface)."""
    sides = [(offset, _is_same(depth, _shifted(depth, offset, axis), pixel, scale)) for offset in (-1, 1)]
    changes = [same[..., None] * offset * (points - _shifted(points, offset, axis)) for offset, same in sides]
    return changes[0] + changes[1], sides[0][1] & sides[1][1]


def _is_same(depth: np.ndarray, other: np.ndarray, width: float, scale: float) -> np.ndarray:
    """Whether both are of one surface; width: metres between them."""
    limit = np.float32(THICKNESS * scale + STEEPEST * width)
    return (depth > 0) & (other > 0) & (np.abs(depth - other) <= limit)


def _shifted(values: np.ndarray, offset: int, axis: int) -> np.ndarray:
    """values[i - offset] at i along the axis; 0 beyond the border."""
    result, size = np.zeros_like(values), values.shape[axis]
    if abs(offset) < size:
        before = (slice(None),) * axis
        target = slice(max(offset, 0), size + min(offset, 0))
        result[*before, target] = values[*before, max(-offset, 0) : size - max(offset, 0)]
    return result
