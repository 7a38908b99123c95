# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians under an affine map, such as an object's transform: each stays a Gaussian, its covariance mapped.

Letters: A the linear part [3,3], L = R S the square root of a covariance: rotation R, sigma S.
"""

import numpy as np

from .gaussians import Gaussians
from .rotate import matrix_from_quaternion, quaternion_from_matrix, rotate_gaussians

SIMILAR = 1e-5  # of the scale: axes that differ by less are equally long


def transform_gaussians(gaussians: Gaussians, matrix: np.ndarray) -> Gaussians:
    """The Gaussians mapped by x' = A x + b of `matrix` [3,4] or [4,4]; A must not be singular.

    Under a stretch or a mirroring the view-dependent colour follows the rotation in A alone: spherical harmonics
    cannot be stretched. Raises ValueError for a singular or infinite A.
    """
    A, b = np.asarray(matrix, np.float64)[:3, :3], np.asarray(matrix, np.float64)[:3, 3]
    if not np.isfinite(matrix).all():
        raise ValueError("the transform is not finite")
    left, lengths, right = np.linalg.svd(A)
    if lengths[2] <= 1e-12 * lengths[0]:
        raise ValueError("the transform flattens space")
    rotation = left * [1, 1, np.sign(np.linalg.det(left @ right))] @ right
    scale = lengths.mean()
    turned = rotate_gaussians(gaussians, rotation)
    means = (gaussians.means @ A.T + b).astype(np.float32)
    if np.abs(A - scale * rotation).max() <= SIMILAR * scale:
        return _with(turned, means, turned.quats, gaussians.scales * scale)
    root = A @ (matrix_from_quaternion(gaussians.quats) * gaussians.scales[:, None, :])  # L, [N,3,3]
    axes, sigma, _ = np.linalg.svd(root)
    axes = axes * np.sign(np.linalg.det(axes))[:, None, None]
    return _with(turned, means, quaternion_from_matrix(axes), np.maximum(sigma, np.finfo(np.float32).tiny))


def _with(gaussians: Gaussians, means: np.ndarray, quats: np.ndarray, scales: np.ndarray) -> Gaussians:
    means, quats, scales = (np.ascontiguousarray(values, np.float32) for values in (means, quats, scales))
    return Gaussians(means, quats, scales, gaussians.opacities, gaussians.sh0, gaussians.shN)
