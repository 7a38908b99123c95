# SPDX-License-Identifier: GPL-3.0-or-later
"""Camera geometry of many frames at once: rotation vectors, projection, and an initial pose from landmarks alone.

A pose is (R, t): camera point = R X + t; X in head space (metres, Z up, looks along -Y), camera axes as OpenCV's
(x right, y down, z forward). Letters: T frames, M points.
"""

import numpy as np

# Head space -> camera of a head that faces it: camera x = head +X, camera y = head -Z, camera z = head +Y.
FRONTAL_ROTATION = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def rotation_matrices(
    vectors: np.ndarray,  # [..., 3] axis times angle, radians
) -> np.ndarray:
    """[..., 3, 3] rotation matrices (Rodrigues' formula)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    skew = skew_matrices(vectors)
    safe = np.where(angle > 1e-8, angle, 1.0)
    first = np.where(angle > 1e-8, np.sin(safe) / safe, 1.0)
    second = np.where(angle > 1e-8, (1 - np.cos(safe)) / safe**2, 0.5)
    return np.eye(3) + first * skew + second * (skew @ skew)


def skew_matrices(vectors: np.ndarray) -> np.ndarray:
    """[..., 3] v -> [..., 3, 3], the matrix S with S x = v x x (cross product)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    o = np.zeros_like(x)
    return np.stack([np.stack([o, -z, y], -1), np.stack([z, o, -x], -1), np.stack([-y, x, o], -1)], -2)


def rotation_vectors(
    rotations: np.ndarray,  # [..., 3, 3]
) -> np.ndarray:
    """[..., 3] axis times angle, radians, angle below pi; the inverse of `rotation_matrices`."""
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


def intrinsics_per_frame(
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
    """([T, M, 2] pixels, [T, M, 3] camera space, metres)."""
    camera_points = points @ rotation.swapaxes(-1, -2) + translation[:, None]
    homogeneous = camera_points @ K.swapaxes(-1, -2)
    return homogeneous[..., :2] / homogeneous[..., 2:], camera_points


def initial_pose(
    points: np.ndarray,  # [M, 3] head space
    pixels: np.ndarray,  # [T, M, 2]
    K: np.ndarray,  # [T, 3, 3]
) -> tuple[np.ndarray, np.ndarray]:
    """(R [T, 3, 3], t [T, 3]) as if the camera were far away (POS of DeMenthon and Davis 1995, without iterations)."""
    focal = np.stack([K[:, 0, 0], K[:, 1, 1]], -1)
    normalized = (pixels - K[:, None, :2, 2]) / focal[:, None]
    middle, centre = points.mean(0), normalized.mean(1)
    affine = np.linalg.pinv(points - middle) @ (normalized - centre[:, None])  # [T, 3, 2]
    rows = affine.swapaxes(-1, -2)
    scale = np.linalg.norm(rows, axis=-1).mean(-1)
    rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    third = np.cross(rows[:, 0], rows[:, 1])
    rotation = nearest_rotation(np.concatenate([rows, third[:, None]], 1))
    depth = 1.0 / scale
    position = np.concatenate([centre, np.ones((len(centre), 1))], -1) * depth[:, None]
    return rotation, position - rotation @ middle


def view_matrices(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """[T, 4, 4] float64 head space -> camera."""
    matrix = np.tile(np.eye(4), (len(rotation), 1, 1))
    matrix[:, :3, :3] = rotation
    matrix[:, :3, 3] = translation
    return matrix
