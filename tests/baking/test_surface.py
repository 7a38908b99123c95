# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface of a picture has hard edges and normals that are of length 1 and towards the camera, in any view."""

import numpy as np
import pytest

from talksplat.core.baking.pass_picture import PassPicture
from talksplat.core.baking.splat_channels import SPLAT_CHANNELS, SplatFrame, View, scale_of, splat_channels
from talksplat.core.formats.camera import Camera
from talksplat.core.raster.rasterizer import rasterize

COUNT, RADIUS, SIZE = 12_000, 0.05, 120
CENTRES = np.array([[0.0, 0.0, 0.0], [0.03, 0.2, 0.01]])  # the second ball far behind the first


@pytest.fixture(scope="module", params=["perspective", "orthographic", "scaled"])
def balls(request):
    """Two balls of round Gaussians, one behind the other."""
    i = np.arange(COUNT) + 0.5
    z, turn = 1 - 2 * i / COUNT, np.pi * (1 + np.sqrt(5)) * i
    ball = RADIUS * np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], 1)
    means = np.concatenate([ball + centre for centre in CENTRES]).astype(np.float32)
    camera = Camera.looking_at([0.05, -0.6, 0.03], [0.01, 0, 0], SIZE, SIZE, 0.3)
    if request.param == "orthographic":
        camera = Camera(**{**vars(camera), "kind": "orthographic", "fx": 700.0, "fy": 700.0})
    if request.param == "scaled":
        camera = Camera(**{**vars(camera), "viewmat": (np.diag([3.0, 3, 3, 1]) @ camera.matrix).tolist()})
    n = len(means)
    quats, scales = np.tile(np.float32([1, 0, 0, 0]), (n, 1)), np.full((n, 3), 0.0008, np.float32)
    view = View(means, camera)
    axes = splat_channels(["shortest_axis"], SplatFrame(np.zeros(n, np.uint8), quats, scales, view, view, view))
    columns = means, quats, scales, np.full(n, 0.95, np.float32), means, None
    rendering = rasterize(*columns, camera, extra=axes, depth=True)
    return PassPicture(rendering, camera, scale_of(camera), {"shortest_axis": rendering.extra})


def nearest_ball(points):
    """(which ball each point is nearest to, its distance from that ball's surface, metres)."""
    off = np.stack([np.abs(np.linalg.norm(points - centre, axis=1) - RADIUS) for centre in CENTRES])
    return off.argmin(axis=0), off.min(axis=0)


def test_a_pixel_is_on_one_surface_and_never_between_two(balls):
    """Depth blended over both balls was up to a tenth of a metre in front of the one behind."""
    points = balls.positions[balls.rendering.alpha > 0.9]
    which, off = nearest_ball(points)
    assert set(which) == {0, 1}
    assert off.max() < 0.012
    depth = balls.rendering.depth_expected[balls.rendering.alpha > 0.9]
    assert np.median(off) < 0.002
    assert len(depth) > 1000


def test_normals_are_the_balls(balls):
    seen = balls.rendering.alpha > 0.98
    points, normals = balls.positions[seen], balls.normals[seen]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    which, _ = nearest_ball(points)
    true = points - CENTRES[which]
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    assert np.median(np.degrees(np.arccos(np.clip((normals * true).sum(axis=1), -1, 1)))) < 5
    to_eye = balls.camera.centre - points
    if balls.camera.kind == "orthographic":
        to_eye = np.broadcast_to(-np.linalg.inv(balls.camera.matrix)[:3, 2], points.shape)
    assert ((normals * to_eye).sum(axis=1) > 0).all()


def test_where_nothing_is_there_is_no_surface(balls):
    empty = balls.rendering.alpha == 0
    assert empty.any()
    for values in (balls.surface, balls.positions, balls.normals):
        assert np.isfinite(values).all()
        assert not values[empty].any()


def test_a_picture_of_nothing_has_no_surface(balls):
    nothing = PassPicture(balls.rendering, balls.camera)
    nothing.is_visible = np.zeros_like(balls.is_visible)
    nothing.blended = balls.blended
    assert not nothing.normals.any()
    assert not nothing.positions.any()


def test_a_gaussian_without_extent_or_behind_the_camera_has_finite_numbers():
    """What is not finite stops the raster, and with it the whole render."""
    means = np.float32([[0, 0, 0], [0, -2, 0], [0, -1, 0]])
    view = View(means, Camera.looking_at([0, -1, 0], [0, 0, 0], SIZE, SIZE, 0.3))
    after = View(means - np.float32([0, 3, 0]), view.camera)
    frame = SplatFrame(
        np.zeros(3, np.uint8), np.tile(np.float32([1, 0, 0, 0]), (3, 1)), np.zeros((3, 3)), view, view, after
    )
    assert np.isfinite(splat_channels(SPLAT_CHANNELS, frame)).all()
