# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing, one, too much, too little, too near, and what rasterize rejects."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from talksplat.core.formats.camera import Camera
from talksplat.core.formats.user_error import UserError
from talksplat.core.raster import compile_kernels, numba_pipeline, rasterize
from talksplat.core.raster.gsplat_backend import unavailable_reason

BLUE = torch.tensor([0.1, 0.2, 0.9])
FRONT = Camera(32, 24, 40.0, 40.0, 16.0, 12.0, np.eye(4).tolist())


def one(z=1.0, scale=0.05, opacity=0.8, x=0.0) -> dict[str, torch.Tensor]:
    """A round grey Gaussian before FRONT."""
    return {
        "means": torch.tensor([[x, 0.0, z]]),
        "quats": torch.tensor([[1.0, 0, 0, 0]]),
        "scales": torch.full((1, 3), float(scale)),
        "opacities": torch.tensor([float(opacity)]),
        "sh0": torch.zeros(1, 3),
        "shN": torch.zeros(1, 0, 3),
    }


def repeated(columns, n):
    return {name: values.repeat(n, *[1] * (values.ndim - 1)) for name, values in columns.items()}


def render(columns, backend, camera=FRONT):
    leaves = {name: values.clone().requires_grad_() for name, values in columns.items()}
    picture = rasterize(**leaves, camera=camera, background=BLUE, depth=True, backend=backend)
    loss = picture.color.sum() + picture.alpha.sum() + picture.depth_expected.sum()
    if loss.requires_grad:
        loss.backward()
    return picture, {name: leaf.grad for name, leaf in leaves.items()}


@pytest.mark.parametrize(
    "columns",
    [
        one(z=-1.0),
        one(z=0.001),
        one(z=1000.0),
        one(x=50.0),
        one(opacity=0.003),
        {name: values[:0] for name, values in one().items()},
    ],
    ids=["behind", "before near", "beyond far", "beside", "too faint", "none at all"],
)
def test_nothing_to_see(any_backend, columns):
    picture, gradients = render(columns, any_backend)
    assert torch.equal(picture.color, BLUE.expand(24, 32, 3))
    assert not picture.alpha.any()
    assert not picture.depth_expected.any()
    assert not picture.depth_median.any()
    assert picture.pixel_counts.sum() == 0
    assert picture.density.radii.sum() == 0
    assert all(g is None or not g.any() for g in gradients.values())


def test_one_gaussian_has_the_closed_form(any_backend):
    picture, _ = render(one(), any_backend)
    v, u = np.mgrid[:24, :32] + 0.5
    alpha = 0.8 * np.exp(-0.5 * ((u - 16) ** 2 + (v - 12) ** 2) / ((40 * 0.05) ** 2 + 0.3))
    # off-centre rays lengthen the footprint a little only through J, which is evaluated at the centre: exactly round
    alpha[alpha < 1 / 255] = 0
    assert np.allclose(picture.alpha.detach().numpy(), alpha, atol=2e-6)
    assert np.allclose(
        picture.color.detach().numpy(), alpha[..., None] * 0.5 + (1 - alpha[..., None]) * BLUE.numpy(), atol=2e-6
    )
    assert picture.pixel_counts.tolist() == [int((alpha > 0).sum())]
    assert np.allclose(picture.depth_expected.detach().numpy(), alpha > 0, atol=1e-6)
    assert np.array_equal(picture.depth_median.detach().numpy() > 0, alpha > 0.5)


EXTREMES = {
    "huge": one(scale=60.0),
    "a million times the view": one(scale=1e6),
    "tiny": one(scale=1e-9),
    "huge and faint": one(scale=60.0, opacity=0.004),
    "opaque": one(opacity=1.0, scale=3.0),
    "in the face": one(z=0.011, scale=0.2),
    "a point": one(scale=0.0),
}


@pytest.mark.parametrize("columns", EXTREMES.values(), ids=EXTREMES)
def test_extremes_equal_the_reference(make, backend, columns):
    reference, expected_gradients = render({name: values.double() for name, values in columns.items()}, "dense")
    picture, gradients = render(columns, backend)
    assert make.relative(picture.color, reference.color) < 1e-5
    assert picture.pixel_counts.tolist() == reference.pixel_counts.tolist()
    for name, expected in expected_gradients.items():
        if expected is not None:
            scale = 1e-4 * max(1.0, expected.abs().max().item())
            assert torch.allclose(gradients[name].double(), expected, atol=scale, rtol=1e-3), name


@pytest.mark.parametrize("scale", [1e8, 1e15, 1e30])
def test_what_float32_cannot_hold_is_dropped_not_spread_as_nan(backend, scale):
    picture, gradients = render(one(scale=scale), backend)
    assert picture.color.isfinite().all()
    assert all(g is None or g.isfinite().all() for g in gradients.values())


def test_an_opaque_stack_stops(make, backend):
    """400 opaque layers: only the first few are paid for, and the rest get exactly nothing."""
    n = 400
    columns = repeated(one(scale=3.0, opacity=0.9), n)
    columns["means"] = columns["means"] + torch.linspace(0, 1, n)[torch.randperm(n)][:, None] * torch.eye(3)[2]
    reference, _ = render({name: values.double() for name, values in columns.items()}, "dense")
    picture, gradients = render(columns, backend)
    assert make.relative(picture.color, reference.color) < 1e-5
    assert picture.pixel_counts.tolist() == reference.pixel_counts.tolist()
    hidden = picture.pixel_counts == 0
    assert hidden.sum() > n - 10
    assert not gradients["means"][hidden].any()
    least = 1e-4 * (1 - 1e-3) if backend == "gsplat" else 0.0  # gsplat leaves out what would end the pixel
    assert (1 - picture.alpha).min() > least


def test_layers_of_haze_add_up(make, backend):
    """Nearly transparent Gaussians, two thousand deep: nothing is lost to rounding."""
    n = 2000
    columns = repeated(one(scale=3.0, opacity=0.0045), n)
    columns["means"] = columns["means"] + torch.linspace(0, 1, n)[:, None] * torch.eye(3)[2]
    reference, expected_gradients = render({name: values.double() for name, values in columns.items()}, "dense")
    picture, gradients = render(columns, backend)
    assert make.relative(picture.alpha, reference.alpha) < 1e-5
    assert make.relative(gradients["opacities"], expected_gradients["opacities"]) < 1e-4


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_a_scaled_view_is_a_scaled_head(make, any_backend, kind):
    columns, factor = make.cloud(300, 8), 2.5
    camera = make.view(kind=kind)
    bigger = dict(columns, means=columns["means"] * factor, scales=columns["scales"] * factor)
    matrix = camera.matrix.copy()
    matrix[:3, :3] *= factor
    expected = rasterize(**bigger, camera=camera, depth=True, backend=any_backend)
    mine = rasterize(**columns, camera=make.view(kind=kind, matrix=matrix.tolist()), depth=True, backend=any_backend)
    for name in ("color", "alpha", "depth_expected", "depth_median", "extra"):
        assert make.relative(getattr(mine, name), getattr(expected, name)) < 1e-5, name


def test_an_orthographic_picture_does_not_change_as_its_camera_backs_off(make):
    columns, camera = make.cloud(200, 15), make.view(kind="orthographic")
    matrix = camera.matrix.copy()
    matrix[2, 3] += 5.0
    near = rasterize(**columns, camera=camera)
    far = rasterize(**columns, camera=make.view(kind="orthographic", matrix=matrix.tolist()))
    assert make.relative(far.color, near.color) < 1e-5


@pytest.mark.parametrize("column", ["means", "quats", "scales", "opacities", "sh0", "shN", "extra"])
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_what_is_not_finite_is_an_error_with_its_name(make, any_backend, column, poison):
    columns = make.cloud(50, 3, dtype=torch.float32)
    columns[column].view(-1)[-1] = poison
    with pytest.raises(UserError, match=rf"\b{column} holds NaN"):
        rasterize(**columns, camera=make.view(), backend=any_backend)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": torch.zeros(5, 2)}, "means has shape"),
        ({"quats": torch.zeros(4, 4)}, "quats has shape"),
        ({"opacities": torch.zeros(5, 1)}, "opacities has shape"),
        ({"shN": torch.zeros(5, 4, 3)}, "4 coefficients"),
        ({"extra": torch.zeros(5)}, "extra has shape"),
        ({"background": torch.zeros(4)}, "background has shape"),
        ({"scales": np.zeros((5, 3), np.float32)}, "tensors only or numpy arrays only"),
        ({"sh_degree": 2}, "sh_degree 2"),
        ({"sh_degree": -1}, "sh_degree -1"),
        ({"backend": "magic"}, "magic"),
    ],
)
def test_what_does_not_fit_is_an_error(make, change, message):
    with pytest.raises(UserError, match=message):
        rasterize(**(make.cloud(5, 3, dtype=torch.float32) | {"camera": make.view()} | change))


def test_more_pairs_than_memory_is_an_error(make, monkeypatch):
    monkeypatch.setattr(numba_pipeline, "PAIRS_MAX", 10)
    with pytest.raises(UserError, match="lower the picture's size"):
        rasterize(**make.cloud(50), camera=make.view())


@pytest.mark.skipif(unavailable_reason() is None, reason="gsplat works here")
def test_without_a_gpu_one_warning_and_the_cpu(make):
    columns = make.cloud(50, dtype=torch.float32)
    expected = rasterize(**columns, camera=make.view(), backend="numba")
    with pytest.warns(RuntimeWarning, match="CPU back end"):
        mine = rasterize(**columns, camera=make.view(), backend="gsplat")
    assert mine.backend == "numba"
    assert torch.equal(mine.color, expected.color)


def test_threads_take_turns(make):
    columns = {name: values.numpy() for name, values in make.cloud(dtype=torch.float32).items()}
    expected, pictures = rasterize(**columns, camera=make.view()).color, []

    def work():
        pictures.extend(rasterize(**columns, camera=make.view()).color for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in (*threads, threading.Thread(target=compile_kernels)):
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pictures) == 20
    assert all(np.array_equal(picture, expected) for picture in pictures)


def test_the_numpy_way_needs_no_torch():
    script = """
import sys
sys.modules["torch"] = None  # importing it would raise
import numpy as np
from talksplat.core.formats.camera import Camera
from talksplat.core.raster import compile_kernels, rasterize
compile_kernels()
camera = Camera(20, 20, 20.0, 20.0, 10.0, 10.0, np.eye(4).tolist())
f = lambda *shape: np.ones(shape, np.float32)
picture = rasterize(f(1, 3) * [0, 0, 1], f(1, 4), f(1, 3) * 0.1, f(1), f(1, 3), None, camera, depth=True)
assert picture.alpha.max() > 0.9 and picture.pixel_counts[0] > 9
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
