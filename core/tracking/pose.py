# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses of many frames at once: turning vectors, projection, and a first guess without a start.

A pose is (R, t): camera point = R X + t; X in head space (metres, Z up, looks along -Y), camera axes as OpenCV's
(x right, y down, z forward). Letters: T frames, M points.
"""

import numpy as np

# Head space -> camera of a head that faces it: camera x = head +X, camera y = head -Z, camera z = head +Y.
FRONTAL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def turned(
    vectors: np.ndarray,  # [..., 3] axis times angle, radians
) -> np.ndarray:
    """[..., 3, 3] rotation matrices (Rodrigues' formula)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    cross = crossing(vectors)
    safe = np.where(angle > 1e-8, angle, 1.0)
    first = np.where(angle > 1e-8, np.sin(safe) / safe, 1.0)
    second = np.where(angle > 1e-8, (1 - np.cos(safe)) / safe**2, 0.5)
    return np.eye(3) + first * cross + second * (cross @ cross)


def crossing(vectors: np.ndarray) -> np.ndarray:
    """[..., 3] v -> [..., 3, 3] with (it @ x) = v x x."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    o = np.zeros_like(x)
    return np.stack([np.stack([o, -z, y], -1), np.stack([z, o, -x], -1), np.stack([-y, x, o], -1)], -2)


def turning_vectors(
    rotations: np.ndarray,  # [..., 3, 3]
) -> np.ndarray:
    """[..., 3] axis times angle, radians, angle below pi; the inverse of `turned` (through the quaternion)."""
    r = rotations
    trace = np.trace(r, axis1=-2, axis2=-1)
    skew = np.stack([r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]], -1)
    sine = np.linalg.norm(skew, axis=-1)
    angle = np.arctan2(sine, trace - 1)
    scale = np.where(sine > 1e-9, angle / np.where(sine > 1e-9, sine, 1.0), 0.5)
    return skew * scale[..., None]


def nearest_rotation(matrices: np.ndarray) -> np.ndarray:
    """[..., 3, 3] -> the rotation nearest to each (least squares, determinant +1)."""
    u, _, v = np.linalg.svd(matrices)
    sign = np.sign(np.linalg.det(u @ v))
    u[..., :, 2] *= sign[..., None]
    return u @ v


def mean_rotation(rotations: np.ndarray) -> np.ndarray:
    """[T, 3, 3] -> [3, 3], the chordal mean."""
    return nearest_rotation(rotations.mean(0))


def lenses(
    K: np.ndarray,  # [3, 3] or [T, 3, 3]
    count: int,
) -> np.ndarray:
    """[T, 3, 3] float64."""
    return np.broadcast_to(np.asarray(K, np.float64), (count, 3, 3))


def project_points(
    points: np.ndarray,  # [T, M, 3] or [M, 3] head space
    rotation: np.ndarray,  # [T, 3, 3]
    translation: np.ndarray,  # [T, 3]
    K: np.ndarray,  # [T, 3, 3]
) -> tuple[np.ndarray, np.ndarray]:
    """([T, M, 2] pixels, [T, M, 3] camera space metres)."""
    camera = points @ rotation.swapaxes(-1, -2) + translation[:, None]
    film = camera @ K.swapaxes(-1, -2)
    return film[..., :2] / film[..., 2:], camera


def first_guess(
    points: np.ndarray,  # [M, 3] head space
    pixels: np.ndarray,  # [T, M, 2]
    K: np.ndarray,  # [T, 3, 3]
) -> tuple[np.ndarray, np.ndarray]:
    """(R [T, 3, 3], t [T, 3]) as if the camera were far away (POS of DeMenthon and Davis 1995, without iterations)."""
    focal = np.stack([K[:, 0, 0], K[:, 1, 1]], -1)
    on_plane = (pixels - K[:, None, :2, 2]) / focal[:, None]
    middle, centre = points.mean(0), on_plane.mean(1)
    affine = np.linalg.pinv(points - middle) @ (on_plane - centre[:, None])  # [T, 3, 2]
    rows = affine.swapaxes(-1, -2)
    size = np.linalg.norm(rows, axis=-1).mean(-1)
    rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    third = np.cross(rows[:, 0], rows[:, 1])
    rotation = nearest_rotation(np.concatenate([rows, third[:, None]], 1))
    depth = 1.0 / size
    at = np.concatenate([centre, np.ones((len(centre), 1))], -1) * depth[:, None]
    return rotation, at - rotation @ middle


def viewmats(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """[T, 4, 4] float64 head space -> camera."""
    matrix = np.tile(np.eye(4), (len(rotation), 1, 1))
    matrix[:, :3, :3] = rotation
    matrix[:, :3, 3] = translation
    return matrix
