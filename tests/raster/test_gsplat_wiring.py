# SPDX-License-Identifier: GPL-3.0-or-later
"""The gsplat back end's own code without a GPU: gsplat's five functions are stood in for (tests/gsplat_stand_in.py)."""

import gc
import sys
import types
import weakref

import numpy as np
import pytest
import torch

from talksplat.core.raster import gsplat_backend, gsplat_counts, rasterize

PICTURES = ("color", "alpha", "depth_expected", "depth_median", "extra", "pixel_counts")


def drawn(make, backend, dtype, camera, device="cpu", n=300):
    """A rendering after its backward pass, and the leaves."""
    leaves = {name: v.to(device).requires_grad_() for name, v in make.cloud(n, 3, dtype=dtype).items()}
    background = torch.tensor([0.1, 0.5, 0.9], dtype=dtype).to(device)
    picture = rasterize(**leaves, camera=camera, background=background, depth=True, backend=backend)
    (
        picture.color.square().sum() + picture.alpha.sum() + picture.depth_expected.sum() + picture.extra.square().sum()
    ).backward()
    return picture, leaves


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
def test_what_we_add_to_gsplat(make, gsplat_stand_in, gsplat_rule, kind):
    reference, expected = drawn(make, "dense", torch.float64, make.view(kind=kind))
    mine, leaves = drawn(make, "gsplat", torch.float32, make.view(kind=kind))
    assert mine.backend == "gsplat"
    for name in PICTURES:
        assert make.relative(getattr(mine, name), getattr(reference, name)) < 1e-4, name
    for name in ("grad2d", "absgrad2d", "depths", "radii"):
        assert make.relative(getattr(mine.density, name), getattr(reference.density, name)) < 1e-4, name
    for name in make.columns:
        assert make.relative(leaves[name].grad, expected[name].grad) < 1e-4, name


def test_everything_stays_on_the_device(make, gsplat_stand_in, other_device):
    """What comes back lies where the Gaussians lie, and is what the CPU's tensors give."""
    if other_device.type == "cuda":
        pytest.skip("the stand-in is for machines without a GPU")
    here, expected = drawn(make, "gsplat", torch.float32, make.view(), n=60)
    there, leaves = drawn(make, "gsplat", torch.float32, make.view(), other_device, n=60)
    for holder, other, names in ((here, there, PICTURES), (here.density, there.density, ("grad2d", "absgrad2d"))):
        for name in names:
            assert getattr(other, name).device == other_device, name
            assert torch.equal(getattr(other, name).to("cpu"), getattr(holder, name)), name
    for name, leaf in leaves.items():
        assert torch.equal(leaf.grad.to("cpu"), expected[name].grad), name


@pytest.mark.parametrize("pixels", [1, 70 * 16, 70 * 40])
def test_bands_of_a_picture_count_what_the_full_picture_counts(make, gsplat_stand_in, monkeypatch, pixels):
    full = drawn(make, "gsplat", torch.float32, make.view())[0]
    counts = full.pixel_counts.clone()
    monkeypatch.setattr(gsplat_counts, "BAND", pixels)
    banded = drawn(make, "gsplat", torch.float32, make.view())[0]
    assert (banded.pixel_counts - counts).abs().sum() <= 2  # centres are moved by whole tiles, which rounds
    assert (banded.depth_median != full.depth_median).sum() <= 2


def test_a_rendering_without_backward_leaves_nothing_behind(make, gsplat_stand_in):
    """The density record holds the 2D centres until backward; no circle may hold both for ever."""
    leaves = {name: v.requires_grad_() for name, v in make.cloud(40, dtype=torch.float32).items()}
    picture = rasterize(**leaves, camera=make.view(), backend="gsplat")
    stats, color = weakref.ref(picture.density), picture.color
    assert stats().held is not None
    gc.disable()
    try:
        del picture
        assert stats() is None
    finally:
        gc.enable()
    color.sum().backward()  # nobody reads the statistics any more, the gradients still arrive
    assert leaves["means"].grad.any()


def test_the_2d_centres_are_let_go_after_backward(make, gsplat_stand_in):
    assert drawn(make, "gsplat", torch.float32, make.view(), n=40)[0].density.held is None


def test_a_picture_of_nothing_has_every_field(make, gsplat_stand_in):
    picture = rasterize(**make.cloud(0, dtype=torch.float32), camera=make.view(), depth=True, backend="gsplat")
    assert not picture.alpha.any()
    assert not picture.depth_median.any()
    assert picture.extra.shape == (52, 70, 2)
    assert picture.pixel_counts.shape == (0,)


def test_nothing_in_sight(make, gsplat_stand_in):
    columns = make.cloud(20, dtype=torch.float32)
    columns["means"] = columns["means"] + torch.tensor([0.0, -50.0, 0.0])  # behind
    picture = rasterize(**columns, camera=make.view(), background=torch.ones(3), depth=True, backend="gsplat")
    assert torch.equal(picture.color, torch.ones(52, 70, 3))
    assert not picture.depth_median.any()
    assert not picture.pixel_counts.any()


@pytest.mark.parametrize(("version", "reason"), [(None, "is not installed"), ("1.6.0", "1.6.0 is installed")])
def test_what_is_missing_is_said(monkeypatch, version, reason):
    def version_of(name):
        if version is None:
            raise gsplat_backend.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gsplat_backend, "version", version_of)
    assert reason in gsplat_backend.unavailable_reason.__wrapped__()


def test_a_library_built_before_is_taken(monkeypatch, tmp_path):
    """The one that TALKSPLAT_GSPLAT_LIBRARY names becomes `gsplat.csrc`, which gsplat asks for before it compiles."""
    built = sys.modules["_csv"] if hasattr(sys.modules.get("_csv"), "__file__") else __import__("_bisect")
    package = types.ModuleType("gsplat")
    monkeypatch.setitem(sys.modules, "gsplat", package)
    monkeypatch.setitem(sys.modules, "gsplat.csrc", None)
    monkeypatch.setattr(gsplat_backend, "MODULE", built.__name__)
    gsplat_backend.take_library(built.__file__)
    from gsplat import csrc

    assert csrc.__file__ == built.__file__


def test_a_picture_of_arrays_counts_no_pixels_until_it_is_asked(make, gsplat_stand_in, monkeypatch):
    """Counts are for training; a render would pay for them in each frame."""
    counted, count = [], gsplat_backend.pixel_counts
    monkeypatch.setattr(gsplat_backend, "pixel_counts", lambda *a: counted.append(1) or count(*a))
    cloud = {name: values.numpy() for name, values in make.cloud(50, 0, dtype=torch.float32).items()}
    picture = rasterize(**cloud, camera=make.view(), backend="gsplat")
    assert not counted
    assert picture.pixel_counts.dtype == np.int32
    assert picture.pixel_counts is picture.pixel_counts
    assert counted == [1]
