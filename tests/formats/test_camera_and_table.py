# SPDX-License-Identifier: GPL-3.0-or-later
"""What every package shares: the camera's geometry, the checks of Gaussians, atomic writing."""

import numpy as np
import pytest

from talksplat.core.formats.atomic_write import atomic_write
from talksplat.core.formats.camera import Camera
from talksplat.core.formats.gaussians import COLUMNS, Gaussians
from talksplat.core.formats.user_error import UserError


def pixel(camera: Camera, point: np.ndarray) -> np.ndarray:
    x, y, z = camera.matrix[:3, :3] @ point + camera.matrix[:3, 3]
    return np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy])


@pytest.mark.parametrize("eye", [[0, -1, 0], [0.3, -2, 0.5], [0, 0, 2], [0, 0, -2]])
def test_a_camera_that_looks_at_something(eye):
    camera = Camera.looking_at(eye, [0.1, 0, 0.05], 640, 480, 0.5)
    np.testing.assert_allclose(camera.centre, eye, atol=1e-12)
    np.testing.assert_allclose(pixel(camera, np.array([0.1, 0, 0.05])), [320, 240], atol=1e-9)
    R = camera.matrix[:3, :3]
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)
    if abs(eye[1]) > 0:
        assert pixel(camera, np.array([0.1, 0, 0.15]))[1] < 240  # higher in the scene is higher in the picture
        assert pixel(camera, np.array([0.2, 0, 0.05]))[0] > 320
    top = np.tan(0.25) * np.linalg.norm(np.subtract(eye, [0.1, 0, 0.05]))  # half the height, at the target
    assert pixel(camera, [0.1, 0, 0.05] + R[1] * top)[1] == pytest.approx(480)


def test_the_same_view_at_another_size():
    camera = Camera.looking_at([0.3, -2, 0.5], [0, 0, 0], 640, 480, 0.5)
    point = np.array([0.05, 0.02, 0.03])
    half = camera.resized(320, 240)
    np.testing.assert_allclose(pixel(half, point), pixel(camera, point) / 2)
    wide = camera.resized(1000, 480)
    np.testing.assert_allclose(pixel(wide, point), pixel(camera, point) + np.array([180, 0]))


def test_joining_pads_the_lower_degree(make):
    a, b = make.gaussians(5, 3), make.gaussians(4, 15, seed=1)
    both = Gaussians.joined(a, b)
    assert (len(both), both.sh_degree) == (9, 3)
    np.testing.assert_array_equal(both.shN[:5, :3], a.shN)
    assert not both.shN[:5, 3:].any()
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(both, name)[5:], getattr(b, name))
        assert getattr(both, name).flags.c_contiguous


def test_quaternions_are_normalised_once(make):
    table = make.gaussians(500)
    columns = {name: getattr(table, name) for name in COLUMNS}
    twice = Gaussians.checked("x", **{**columns, "quats": table.quats * 7})
    np.testing.assert_allclose(twice.quats, table.quats, atol=2e-7)
    np.testing.assert_array_equal(Gaussians.checked("x", **columns).quats, table.quats)


@pytest.mark.parametrize(
    "change",
    [
        {"means": np.zeros((5, 2))},
        {"quats": np.zeros((5, 4))},
        {"scales": np.zeros((5, 3))},
        {"opacities": np.zeros(4)},
        {"opacities": np.full(5, 1.01)},
        {"opacities": np.full(5, -0.01)},
        {"sh0": np.full((5, 3), np.nan)},
        {"shN": np.zeros((5, 4, 3))},
        {"shN": np.zeros((5, 3, 4))},
        {"shN": np.zeros((5, 9))},
        {"means": np.zeros(5)},
        {"means": np.zeros(())},
    ],
)
def test_invalid_columns_are_rejected(make, change):
    columns = {name: getattr(make.gaussians(5), name) for name in COLUMNS}
    with pytest.raises(UserError, match=r"x\.head"):
        Gaussians.checked("x.head", **{**columns, **change})


def test_an_atomic_write_is_all_or_nothing(tmp_path):
    path = tmp_path / "new folder" / "file.png"
    with atomic_write(path) as temporary:
        assert temporary.suffix == ".png"
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"

    def fail():
        with atomic_write(path) as temporary:
            temporary.write_text("two")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["file.png"]
