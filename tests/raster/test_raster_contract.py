# SPDX-License-Identifier: GPL-3.0-or-later
"""Each back end against the dense reference: pictures and every gradient to 1e-4 relative in float32."""

import numba
import numpy as np
import pytest
import torch

from talksplat.core.raster import BACKENDS, rasterize

BACKGROUND = (0.2, 0.4, 0.6)
PICTURES = ("color", "alpha", "depth_expected", "extra")
VIEW_OPTIONS = ("sh_degree", "blend", "trained_low_pass", "window")
MISCOUNTED = {
    "numba": 0.0
}  # share of pixel contributions that may differ; 1e-3 elsewhere, because a GPU approximates exp


def drawn(columns, camera, backend, upstream=11, **options):
    """A rendering with its backward pass done, and the gradients of all columns."""
    leaves = {name: values.clone().requires_grad_() for name, values in columns.items()}
    background = torch.tensor(BACKGROUND).to(leaves["means"].dtype)
    picture = rasterize(**leaves, camera=camera, background=background, depth=True, backend=backend, **options)
    assert picture.backend == backend
    generator, loss = torch.Generator().manual_seed(upstream), 0
    for name in PICTURES:
        image = getattr(picture, name)
        loss = loss + (image * torch.randn(image.shape, generator=generator, dtype=torch.float64).to(image.dtype)).sum()
    loss.backward()
    return picture, {name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for name, leaf in leaves.items()}


def agree(make, camera, backend, tolerance=1e-4, **scene):
    """Everything a back end returns against the reference's."""
    options = {name: scene.pop(name) for name in VIEW_OPTIONS if name in scene}
    reference, expected_gradients = drawn(make.cloud(**scene), camera, "dense", **options)
    mine, gradients = drawn(make.cloud(**scene, dtype=torch.float32), camera, backend, **options)
    assert mine.blend == reference.blend == options.get("blend", "display")
    off = {name: make.relative(getattr(mine, name), getattr(reference, name)) for name in (*PICTURES, "depth_median")}
    off |= {
        name: make.relative(getattr(mine.density, name), getattr(reference.density, name))
        for name in ("grad2d", "absgrad2d", "depths")
    }
    visible = reference.pixel_counts > 0  # outside the picture back ends cull a pixel earlier or later
    if backend != "gsplat" or "trained_low_pass" not in options:  # gsplat's are of the opacities before compensation
        off["radii"] = make.relative(mine.density.radii.cpu()[visible], reference.density.radii[visible])
    off |= {f"gradient of {name}": make.relative(gradients[name], expected_gradients[name]) for name in make.columns}
    bad = {name: value for name, value in off.items() if not value < tolerance}
    assert not bad
    missed = (mine.pixel_counts.long().cpu() - reference.pixel_counts.long()).abs().sum().item()
    assert missed <= MISCOUNTED.get(backend, 1e-3) * reference.pixel_counts.sum().item()
    assert reference.pixel_counts.sum() > 0


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
@pytest.mark.parametrize("coefficients", [0, 3, 8, 15])
def test_equals_the_reference(make, backend, kind, coefficients):
    agree(make, make.view(kind=kind), backend, coefficients=coefficients)


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_equals_the_reference_in_linear_light(make, backend, kind):
    agree(make, make.view(kind=kind), backend, coefficients=8, blend="linear")


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
@pytest.mark.parametrize("trained", [0.0, 0.1, 0.8])
def test_equals_the_reference_with_any_low_pass(make, backend, kind, trained):
    agree(make, make.view(kind=kind), backend, coefficients=3, trained_low_pass=trained)


@pytest.mark.parametrize("window", [(13, 7, 50, 31), (-5, -9, 80, 60)])
def test_equals_the_reference_in_a_window(make, backend, window):
    """A part of the picture, and more than the picture."""
    if backend == "gsplat" and window[0] < 0:
        pytest.skip("gsplat drops what is outside of the whole picture")
    agree(make, make.view(shift=(3.0, -12.0)), backend, window=window, trained_low_pass=0.1, n=400)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (16, 32), (8, 64), (33, 17), (95, 40)])
def test_every_picture_size(make, backend, width, height):
    agree(make, make.view(width, height, shift=(0.3, -0.2)), backend, n=300, seed=2)


def test_gaussians_beyond_the_edge_of_a_wide_lens(make, backend):
    """Close, wide and with the principal point near a corner: the Jacobian's clamp acts on many Gaussians."""
    camera = make.view(48, 40, shift=(15.0, -12.0))
    matrix = camera.matrix.copy()
    matrix[2, 3] -= 1.6
    close = make.view(48, 40, shift=(15.0, -12.0), matrix=matrix.tolist())
    agree(make, close, backend, n=400, seed=3)


def test_fewer_bands_than_are_held(make, backend):
    agree(make, make.view(), backend, coefficients=15, sh_degree=1, n=200)


@pytest.mark.parametrize("upstream", ["color", "alpha", "depth_expected", "extra"])
def test_each_upstream_gradient_alone(make, backend, upstream):
    """None of the four hides behind another; the ones not used arrive as nothing."""
    results = []
    for name, dtype in (("dense", torch.float64), (backend, torch.float32)):
        leaves = {name: v.requires_grad_() for name, v in make.cloud(n=200, coefficients=3, dtype=dtype).items()}
        image = getattr(rasterize(**leaves, camera=make.view(), depth=True, backend=name), upstream)
        (image * torch.linspace(-1, 1, image.numel(), dtype=dtype).reshape(image.shape)).sum().backward()
        results.append(leaves)
    for name in make.columns:
        expected, mine = (leaves[name].grad for leaves in results)
        mine = torch.zeros_like(leaves[name]) if mine is None else mine
        assert make.relative(mine, torch.zeros_like(mine) if expected is None else expected) < 1e-4, name


def test_same_bits_twice_and_on_any_number_of_threads(make):
    threads = numba.get_num_threads()
    runs = []
    try:
        for count in (threads, threads, 1):
            numba.set_num_threads(count)
            picture, gradients = drawn(make.cloud(coefficients=3, dtype=torch.float32), make.view(), "numba")
            runs.append(
                [
                    picture.color,
                    picture.alpha,
                    picture.depth_expected,
                    picture.extra,
                    picture.density.grad2d,
                    *gradients.values(),
                ]
            )
    finally:
        numba.set_num_threads(threads)
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other))


def test_numpy_in_numpy_out_is_the_torch_picture(make, any_backend):
    columns = make.cloud(coefficients=3, dtype=torch.float32)
    arrays = {name: values.numpy() for name, values in columns.items()}
    expected = rasterize(**columns, camera=make.view(), depth=True, backend=any_backend)
    mine = rasterize(**arrays, camera=make.view(), depth=True, backend=any_backend)
    for name in (*PICTURES, "depth_median", "pixel_counts"):
        assert isinstance(getattr(mine, name), np.ndarray)
        assert np.array_equal(getattr(mine, name), getattr(expected, name).numpy()), name


def test_passes_may_interleave(make, backend):
    """Buffers may be reused; one rendering's backward must not read another's."""
    scenes = [make.cloud(seed=seed, dtype=torch.float32) for seed in (1, 2)]
    alone = [drawn(scene, make.view(), backend)[1]["means"] for scene in scenes]
    leaves = [{name: v.clone().requires_grad_() for name, v in scene.items()} for scene in scenes]
    shared = {"camera": make.view(), "depth": True, "background": torch.tensor(BACKGROUND), "backend": backend}
    pictures = [rasterize(**columns, **shared) for columns in leaves]
    for picture, columns, expected in zip(pictures, leaves, alone):
        generator, loss = torch.Generator().manual_seed(11), 0
        for name in PICTURES:
            image = getattr(picture, name)
            noise = torch.randn(image.shape, generator=generator, dtype=torch.float64).float()
            loss = loss + (image * noise).sum()
        loss.backward()
        assert make.relative(columns["means"].grad, expected) < 1e-6  # a GPU adds in any order


def test_a_picture_changed_in_place_is_not_differentiated(make):
    leaves = {name: v.requires_grad_() for name, v in make.cloud(n=20, dtype=torch.float32).items()}
    picture = rasterize(**leaves, camera=make.view())
    picture.color.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        picture.color.sum().backward()


def test_counts_need_no_backward_pass(make, any_backend):
    columns = make.cloud(dtype=torch.float32)
    before = rasterize(**columns, camera=make.view(), backend=any_backend).pixel_counts
    after = drawn(columns, make.view(), any_backend)[0].pixel_counts
    assert torch.equal(before, after)


def test_an_entry_of_the_table_is_a_back_end(make, monkeypatch):
    """rasterize asks the table and nothing else."""
    scenes = []
    monkeypatch.setitem(BACKENDS, "another", lambda scene: scenes.append(scene) or BACKENDS["numba"](scene))
    columns = make.cloud(20, 3, dtype=torch.float32)
    rasterize(**columns, camera=make.view(), depth=True, sh_degree=0, backend="another")
    [scene] = scenes
    assert (scene.depth, scene.degree) == (True, 0)
    assert all(getattr(scene, name) is values for name, values in columns.items())
    assert scene.background.tolist() == [0, 0, 0]
