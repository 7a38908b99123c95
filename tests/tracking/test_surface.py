# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth of the fitted face, against rays, and the guess beyond it."""

import numpy as np

from talksplat.core.tracking.fit import intrinsics_matrix
from talksplat.core.tracking.pose import FRONTAL_ROTATION, project_points, rotation_matrices
from talksplat.core.tracking.rig import PART_MOUTH, PART_NECK, PART_SKIN, load_rig
from talksplat.core.tracking.surface import SurfaceRender, estimate_person_depth, render_surface

SIZE = 96


def render_rig(jaw: float = 0.0, turn: float = 0.0, size: int = SIZE):
    rig = load_rig()
    viewmat = np.eye(4)
    viewmat[:3, :3] = rotation_matrices(np.radians([0.0, turn, 0.0])) @ FRONTAL_ROTATION
    viewmat[2, 3] = 0.8
    expression = np.zeros(len(rig.expression_names))
    expression[rig.index("jawOpen")] = jaw
    K = intrinsics_matrix(size, size)
    surface = render_surface(rig, np.zeros(len(rig.identities)), expression, viewmat, K, (size, size))
    return rig, viewmat, expression, K, surface


def test_depth_is_where_rays_meet_the_skin():
    """Brute force over all triangles, on some pixels."""
    rig, viewmat, expression, K, surface = render_rig(turn=20.0)
    camera_points = (
        rig.vertices(np.zeros(len(rig.identities)), expression).astype(float) @ viewmat[:3, :3].T + viewmat[:3, 3]
    )
    a, b, c = (camera_points[rig.triangles[:, i]] for i in range(3))
    for x, y in np.random.default_rng(0).integers(10, SIZE - 10, (40, 2)):
        ray = np.linalg.inv(K) @ [x + 0.5, y + 0.5, 1.0]
        normal = np.cross(b - a, c - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.einsum("ij,ij->i", normal, a) / (normal @ ray)
        hit = z[:, None] * ray
        inside = np.ones(len(a), bool)
        for p, q in ((a, b), (b, c), (c, a)):
            inside &= np.einsum("ij,ij->i", np.cross(q - p, hit - p), normal) >= 0
        inside &= z > 0
        expected = z[inside].min() if inside.any() else 0.0
        assert abs(surface.depth[y, x] - expected) < 1e-5


def test_parts_are_where_they_belong():
    rig, viewmat, expression, K, surface = render_rig(jaw=0.7)
    points, _ = project_points(
        rig.landmarks.at(np.zeros(len(rig.identities)), expression)[None],
        viewmat[None, :3, :3],
        viewmat[None, :3, 3],
        K[None],
    )
    lips, cheek = points[0, [62, 66]].mean(0), points[0, 31] + [-8, 2]
    assert surface.part[int(lips[1]), int(lips[0])] == PART_MOUTH
    assert (surface.part == PART_MOUTH).sum() > 10
    assert surface.part[int(cheek[1]), int(cheek[0])] == PART_SKIN
    assert (surface.part[int(points[0, 8, 1]) + 6 :] == PART_NECK).any()
    assert (render_rig(jaw=0.0)[4].part == PART_MOUTH).sum() < 5


def test_the_depth_covers_the_person():
    surface = render_rig()[4]
    drawn = surface.depth > 0
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[4:, 10:-10] = 1.0
    depth = estimate_person_depth(surface, alpha, focal=2.3 * SIZE)
    assert (depth[alpha > 0] > 0).all()
    assert (depth[alpha == 0] == 0).all()
    kept = drawn & (alpha > 0)
    np.testing.assert_array_equal(depth[kept], surface.depth[kept])
    middle = SIZE // 2
    top = np.flatnonzero(drawn[:, middle])[0]
    assert depth[4, middle] > surface.depth[top, middle] + 0.002  # hair is behind the forehead's edge
    assert np.ptp(depth[alpha > 0]) < 0.4
    nothing = SurfaceRender(np.zeros((8, 8), np.float32), np.zeros((8, 8), np.uint8))
    assert not estimate_person_depth(nothing, np.ones((8, 8)), 100.0).any()


def test_a_camera_inside_the_head_draws_no_unbounded_triangles():
    rig, viewmat, expression, K, _ = render_rig()
    viewmat[2, 3] = 0.02
    surface = render_surface(rig, np.zeros(len(rig.identities)), expression, viewmat, K, (32, 32))
    assert np.isfinite(surface.depth).all()
