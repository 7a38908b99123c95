# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotate Gaussians: positions, orientations and view-dependent colour together.

Letters: R a rotation matrix [3,3], d a viewing direction, Y_i the real spherical harmonics in the
order and with the signs of 3D Gaussian splatting files (degree 1 is -y, z, -x).
"""

import numpy as np

from .gaussians import SH_C0, SH_COEFFICIENTS, Gaussians

# Splats trained on cameras are by convention x right, y down, z forward (RDF); Blender is x right, y forward, z up.
RDF_TO_BLENDER = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
# OpenGL's, glTF's and SPZ's: x right, y up, z back (RUB); what looks along -Y in Blender looks along +Z there.
RUB_TO_BLENDER = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def spherical_harmonics(directions: np.ndarray, degree: int) -> np.ndarray:
    """Y_0..Y_K at unit `directions` [S,3], float64 [S, (degree+1)^2]; degree 0 to 3.

    colour = 0.5 + harmonics @ [sh0; shN]. Constants: the usual real-SH normalisation
    (Sloan, "Efficient spherical harmonic evaluation", 2013, appendix), Condon-Shortley signs.
    """
    x, y, z = np.asarray(directions, dtype=np.float64).T
    one = np.ones_like(x)
    bands = [
        [SH_C0 * one],
        [0.4886025119029199 * v for v in (-y, z, -x)],
        [
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (2 * z * z - x * x - y * y),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ],
        [
            -0.5900435899266435 * y * (3 * x * x - y * y),
            2.890611442640554 * x * y * z,
            -0.4570457994644658 * y * (4 * z * z - x * x - y * y),
            0.3731763325901154 * z * (2 * z * z - 3 * x * x - 3 * y * y),
            -0.4570457994644658 * x * (4 * z * z - x * x - y * y),
            1.445305721320277 * z * (x * x - y * y),
            -0.5900435899266435 * x * (x * x - 3 * y * y),
        ],
    ]
    return np.stack([values for band in bands[: degree + 1] for values in band], axis=1)


def rotate_gaussians(gaussians: Gaussians, rotation: np.ndarray) -> Gaussians:
    """The Gaussians in a space rotate_gaussians by `rotation` R [3,3] (x' = R x); the picture stays the same."""
    rotation = np.asarray(rotation, dtype=np.float64)
    quats = quaternion_product(quaternion_from_matrix(rotation), gaussians.quats.astype(np.float64))
    shN = gaussians.shN
    if gaussians.sh_degree:
        shN = np.einsum("ij,njc->nic", _band_rotation(rotation, gaussians.sh_degree), shN.astype(np.float64))
    return Gaussians(
        np.ascontiguousarray(gaussians.means.astype(np.float64) @ rotation.T, np.float32),
        np.ascontiguousarray(quats, np.float32),
        gaussians.scales,
        gaussians.opacities,
        gaussians.sh0,
        np.ascontiguousarray(shN, np.float32),
    )


def quaternion_from_matrix(rotation: np.ndarray) -> np.ndarray:
    """[...,4] w,x,y,z (unit, w >= 0) of rotation matrices [...,3,3]; Shepperd's choice of the largest component."""
    m = np.moveaxis(np.asarray(rotation, dtype=np.float64), (-2, -1), (0, 1))
    rows = [  # 4 q q^T: every row is q times one of its components
        [1 + m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
        [m[2, 1] - m[1, 2], 1 + m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
        [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], 1 - m[0, 0] + m[1, 1] - m[2, 2], m[1, 2] + m[2, 1]],
        [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], 1 - m[0, 0] - m[1, 1] + m[2, 2]],
    ]
    products = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    largest = np.argmax(np.diagonal(products, axis1=-2, axis2=-1), axis=-1)
    row = np.take_along_axis(products, largest[..., None, None], axis=-2)[..., 0, :]
    return row / np.linalg.norm(row, axis=-1, keepdims=True) * np.where(row[..., :1] < 0, -1, 1)


def matrix_from_quaternion(quats: np.ndarray) -> np.ndarray:
    """[...,3,3] rotation matrices of unit quaternions [...,4] w,x,y,z."""
    w, x, y, z = np.moveaxis(np.asarray(quats, dtype=np.float64), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quaternion_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product a b of w,x,y,z quaternions [...,4]: first b's rotation, then a's."""
    w, x, y, z = np.moveaxis(np.asarray(a), -1, 0)
    s, i, j, k = np.moveaxis(np.asarray(b), -1, 0)
    return np.stack(
        [
            w * s - x * i - y * j - z * k,
            w * i + x * s + y * k - z * j,
            w * j - x * k + y * s + z * i,
            w * k + x * j - y * i + z * s,
        ],
        axis=-1,
    )


def _band_rotation(rotation: np.ndarray, degree: int) -> np.ndarray:
    """[K,K]: coefficients of degree 1.. before -> after the rotation.

    Along d' = R d the colour stays the same: Y(d') c' = Y(d) c. A band rotates within itself, so that the least-squares
    solution over a few directions is exact, not a fit.
    """
    directions = np.random.default_rng(0).normal(size=(64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    before, after = spherical_harmonics(directions, degree), spherical_harmonics(directions @ rotation.T, degree)
    matrix = np.zeros((SH_COEFFICIENTS[degree],) * 2)
    for band in range(1, degree + 1):
        rows = slice(band * band, (band + 1) ** 2)
        inner = slice(band * band - 1, (band + 1) ** 2 - 1)
        matrix[inner, inner] = np.linalg.lstsq(after[:, rows], before[:, rows], rcond=None)[0]
    matrix[np.abs(matrix) < 1e-12] = 0
    return matrix
