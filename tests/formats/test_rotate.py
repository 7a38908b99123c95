# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning a table leaves the picture as it is: the colours seen, the ellipsoids, the harmonics themselves."""

import numpy as np
import pytest

from talksplat.core.formats.rotate import (
    RDF_TO_BLENDER,
    quaternion_from_matrix,
    quaternion_product,
    rotate_gaussians,
    spherical_harmonics,
)


def matrices(quats: np.ndarray) -> np.ndarray:
    """[N,4] w,x,y,z -> [N,3,3], by rotating the axes: q v q*."""
    conjugate = quats * [1, -1, -1, -1]
    columns = [quaternion_product(quaternion_product(quats, np.eye(4)[i]), conjugate)[:, 1:] for i in (1, 2, 3)]
    return np.stack(columns, axis=-1)


def random_rotation(seed: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


ROTATIONS = [RDF_TO_BLENDER, np.eye(3), np.diag([1.0, -1, -1]), *(random_rotation(s) for s in range(4))]


def test_harmonics_are_orthonormal_on_the_sphere():
    # Gauss-Legendre in z, equal steps around: exact for the products of degree up to 6.
    z, weight = np.polynomial.legendre.leggauss(8)
    turn = np.arange(16) * 2 * np.pi / 16
    z, w, turn = np.repeat(z, 16), np.repeat(weight, 16) * 2 * np.pi / 16, np.tile(turn, 8)
    ring = np.sqrt(1 - z * z)
    Y = spherical_harmonics(np.stack([ring * np.cos(turn), ring * np.sin(turn), z], 1), 3)
    np.testing.assert_allclose(Y.T @ (w[:, None] * Y), np.eye(16), atol=1e-12)


def test_harmonics_have_the_signs_of_splat_files():
    Y = spherical_harmonics(np.array([[0.6, 0.0, 0.8]]), 3)[0]
    c = 0.4886025119029199
    np.testing.assert_allclose(Y[1:4], [-0.0, c * 0.8, -c * 0.6], atol=1e-15)
    assert Y[7] < 0  # -xz
    assert Y[8] > 0  # x^2 - y^2


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("k", [0, 3, 8, 15])
def test_colours_seen_along_a_turned_direction_stay(make, rotation, k):
    before = make.gaussians(30, k)
    after = rotate_gaussians(before, rotation)
    directions = np.random.default_rng(5).normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def colours(table, along):
        return np.einsum(
            "si,nic->snc",
            spherical_harmonics(along, table.sh_degree),
            np.concatenate([table.sh0[:, None], table.shN], axis=1).astype(float),
        )

    np.testing.assert_allclose(colours(after, directions @ rotation.T), colours(before, directions), atol=2e-6)


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_the_ellipsoids_turn_with_the_space(make, rotation):
    before = make.gaussians(30)
    after = rotate_gaussians(before, rotation)

    def covariances(table):
        M = matrices(table.quats.astype(float)) * table.scales[:, None, :]
        return M @ M.transpose(0, 2, 1)

    wanted = rotation @ covariances(before) @ rotation.T
    np.testing.assert_allclose(covariances(after), wanted, atol=1e-6 * wanted.max())
    np.testing.assert_allclose(after.means, before.means @ rotation.T, atol=1e-6)
    assert all(getattr(after, name).dtype == np.float32 for name in ("means", "quats", "shN"))
    assert after.shN.flags.c_contiguous


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_rotation_and_its_quaternion_agree(rotation):
    np.testing.assert_allclose(matrices(quaternion_from_matrix(rotation)[None])[0], rotation, atol=1e-12)


def test_the_habit_of_cameras_becomes_blenders_space():
    right, down, forward = np.eye(3)
    np.testing.assert_array_equal(RDF_TO_BLENDER @ right, [1, 0, 0])
    np.testing.assert_array_equal(RDF_TO_BLENDER @ down, [0, 0, -1])  # Z is up
    np.testing.assert_array_equal(RDF_TO_BLENDER @ -forward, [0, -1, 0])  # a face looks at the camera, along -Y
