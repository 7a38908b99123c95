# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks of pictures -> landmarks in head space, by cameras alone: no face model, no made-up depth.

The mean place of a landmark is where its rays of all pictures come nearest to each other (least squares); the head's
own turning is what makes them cross. In a single picture the landmark lies on its ray, at the point nearest to that
mean place: what moves across the view is measured, what moves along it is taken as still. So a chin that swings back
while it drops is followed down, not back; and a jaw line, which 2D trackers let slide along the outline as the head
turns, is less sure than lips, eyes and nose.

Letters: F pictures, P landmarks. Space: head space, one unit throughout.
"""

from dataclasses import dataclass

import numpy as np

TOGETHER = 25  # neighbouring pictures err alike: so many count as one (a second of video)


@dataclass(frozen=True)
class Triangulated:
    mean: np.ndarray  # [P,3]
    moments: np.ndarray  # [F,P,3], each on its own ray
    doubt: np.ndarray  # [P] standard error of `mean` where it is worst (along the view); inf where rays do not cross


def triangulated(
    landmarks2d: np.ndarray,  # [F,P,2] pixels
    viewmats: np.ndarray,  # [F,4,4] rigid, head space -> OpenCV camera
    K: np.ndarray,  # [3,3]
) -> Triangulated:
    turn, shift = viewmats[:, :3, :3], viewmats[:, :3, 3]
    centres = -np.einsum("fji,fj->fi", turn, shift)
    pixels = np.concatenate([landmarks2d, np.ones((*landmarks2d.shape[:2], 1))], axis=-1)
    rays = np.einsum("fji,fpj->fpi", turn, pixels @ np.linalg.inv(K).T)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    # A p = b with A = sum of (1 - d d^T), the distance of p from every ray squared.
    count = len(rays)
    A = count * np.eye(3) - np.einsum("fpi,fpj->pij", rays, rays)
    b = centres.sum(axis=0) - np.einsum("fpi,fp->pi", rays, np.einsum("fpi,fi->fp", rays, centres))
    weakest = np.linalg.eigvalsh(A)[:, 0]
    crossing = weakest > 1e-9 * count
    mean = np.full((rays.shape[1], 3), np.nan)
    mean[crossing] = np.linalg.solve(A[crossing], b[crossing, :, None])[..., 0]
    along = np.einsum("fpi,fpi->fp", mean[None] - centres[:, None], rays)
    moments = centres[:, None] + along[..., None] * rays
    spread = np.sqrt(((moments - mean) ** 2).sum(axis=-1).mean(axis=0) / 2)  # a side across the ray
    doubt = np.full(len(mean), np.inf)
    doubt[crossing] = spread[crossing] * np.sqrt(min(TOGETHER, count) / weakest[crossing])
    return Triangulated(mean, moments, doubt)
