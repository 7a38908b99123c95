# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks of pictures -> landmarks in head space, by cameras alone: no face model, no made-up depth.

The mean position of a landmark is where its rays of all pictures come nearest to each other (least squares); the head's
own rotation is what makes them cross. In a single picture the landmark is on its ray, at the point nearest to that
mean position: what moves across the view is measured, what moves along it is taken as still. So a chin that swings back
while it drops is followed down, not back; and a jaw line, which 2D trackers let slide along the outline as the head
turns, is less sure than lips, eyes and nose.

Letters: F pictures, P landmarks. Space: head space, one unit throughout.
"""

from dataclasses import dataclass

import numpy as np

# Pictures whose errors count as one: a second of video. Not in the papers: chosen because trackers err alike that long.
CORRELATED = 25


@dataclass(frozen=True)
class TriangulatedLandmarks:
    """In the unit of the viewmats' translations."""

    mean: np.ndarray  # [P,3]; NaN where rays do not cross
    per_picture: np.ndarray  # [F,P,3], each on its own ray
    depth_error: np.ndarray  # [P] standard error of `mean` where it is worst (along the view); inf: rays do not cross


def triangulate_landmarks(
    landmarks2d: np.ndarray,  # [F,P,2] pixels
    viewmats: np.ndarray,  # [F,4,4] rigid, head space -> OpenCV camera
    K: np.ndarray,  # [3,3] pixels
) -> TriangulatedLandmarks:
    """The point nearest to all rays of each landmark, its nearest point on each ray, and how sure the depth is."""
    centres, rays = _camera_rays(landmarks2d, viewmats, K)
    # A p = b with A = sum of (1 - d d^T), the distance of p from every ray squared.
    count = len(rays)
    A = count * np.eye(3) - np.einsum("fpi,fpj->pij", rays, rays)
    b = centres.sum(axis=0) - np.einsum("fpi,fp->pi", rays, np.einsum("fpi,fi->fp", rays, centres))
    weakest = np.linalg.eigvalsh(A)[:, 0]
    crossing = weakest > 1e-9 * count
    mean = np.full((rays.shape[1], 3), np.nan)
    mean[crossing] = np.linalg.solve(A[crossing], b[crossing, :, None])[..., 0]
    along = np.einsum("fpi,fpi->fp", mean[None] - centres[:, None], rays)
    per_picture = centres[:, None] + along[..., None] * rays
    deviation = np.sqrt(((per_picture - mean) ** 2).sum(axis=-1).mean(axis=0) / 2)  # along one axis across the ray
    depth_error = np.full(len(mean), np.inf)
    depth_error[crossing] = deviation[crossing] * np.sqrt(min(CORRELATED, count) / weakest[crossing])
    return TriangulatedLandmarks(mean, per_picture, depth_error)


def _camera_rays(landmarks2d: np.ndarray, viewmats: np.ndarray, K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(camera centres [F,3], unit directions [F,P,3])."""
    rotation, translation = viewmats[:, :3, :3], viewmats[:, :3, 3]
    centres = -np.einsum("fji,fj->fi", rotation, translation)
    pixels = np.concatenate([landmarks2d, np.ones((*landmarks2d.shape[:2], 1))], axis=-1)
    rays = np.einsum("fji,fpj->fpi", rotation, pixels @ np.linalg.inv(K).T)
    return centres, rays / np.linalg.norm(rays, axis=-1, keepdims=True)
