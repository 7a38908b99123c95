# SPDX-License-Identifier: GPL-3.0-or-later
"""Several samples a pixel: the picture is the large one, filtered down, wherever the windows lie."""

import tracemalloc

import numpy as np
import pytest

from talksplat.core.formats import Camera, UserError
from talksplat.core.raster import PIXEL_FILTERS, Sampling, Supersampler, rasterize, supersampling
from talksplat.core.raster.pixel_filter import filter_weights
from talksplat.core.raster.supersampling import median_of_samples, sample_camera

OPTIONS = {"depth": True, "blend": "display", "backend": "numba"}


@pytest.fixture
def columns(make):
    """A cloud as arrays."""
    arrays = {name: values.float().numpy().copy() for name, values in make.cloud(200, coefficients=3, extra=0).items()}
    arrays.pop("extra")
    return tuple(arrays.values())


def blocks(values, n):
    """[H n, W n, ...] -> [H, W, n n, ...]."""
    h, w = values.shape[0] // n, values.shape[1] // n
    return values.reshape(h, n, w, n, *values.shape[2:]).swapaxes(1, 2).reshape(h, w, n * n, *values.shape[2:])


@pytest.mark.parametrize("kind", ["perspective", "orthographic"])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_is_the_large_picture_averaged(make, columns, monkeypatch, kind, n):
    """Off-centre, in windows that do not divide the picture: no shift, no seam; alpha premultiplied."""
    monkeypatch.setattr(supersampling, "WINDOW_MIN", 19)
    monkeypatch.setattr(supersampling, "WINDOW", 19 * n)
    camera = make.view(kind=kind)
    extra = np.random.default_rng(n).random((len(columns[0]), 2), np.float32)
    large = rasterize(*columns, camera.resized(70 * n, 52 * n), extra=extra, depth=True, trained_low_pass=0.1)
    assert sample_camera(camera, n).cx == pytest.approx(camera.resized(70 * n, 52 * n).cx)
    mine = Supersampler().draw(columns, camera, Sampling(n, 0.1), extra=extra, **OPTIONS)
    alpha = blocks(large.alpha, n)
    expected = {
        "color": blocks(large.color, n).mean(2),
        "alpha": alpha.mean(2),
        "extra": blocks(large.extra, n).mean(2),
        "depth_expected": (blocks(large.depth_expected, n) * alpha).sum(2) / np.maximum(alpha.sum(2), 1e-9),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(mine, name), values, atol=1e-4, err_msg=name)
    samples, covered = blocks(large.depth_median, n), mine.depth_median > 0
    assert np.array_equal(covered, (alpha.mean(2) > 0.5) & (samples > 0).any(2))
    nearest = np.abs(samples - mine.depth_median[..., None]).min(2)
    assert nearest[covered].max() < 1e-5
    assert covered.sum() > 100


def test_a_median_is_no_depth_between_two_surfaces():
    depths = np.array([[1.0, 1.0, 5.0, 0.0], [5.0, 5.0, 0.0, 0.0]], np.float32)
    alpha = (depths > 0).astype(np.float32)
    assert median_of_samples(depths, 2, alpha).tolist() == [[1.0, 0.0]]
    alpha[:, 2:] = 0.9
    assert median_of_samples(depths, 2, alpha).tolist() == [[1.0, 5.0]]


@pytest.mark.parametrize(("n", "width"), [(2, 1.5), (3, 1.5), (4, 1.0), (8, 2.0)])
@pytest.mark.parametrize("name", PIXEL_FILTERS)
def test_a_filter_is_that_of_cycles(make, columns, name, n, width):
    """Against the two-dimensional sum over a picture that has a margin; what is constant stays constant."""
    weights = filter_weights(name, width, n)
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)
    assert np.array_equal(weights, weights[::-1])
    spread = float(np.sum(weights * ((np.arange(len(weights)) - (len(weights) - 1) / 2) / n) ** 2))
    sigma = {"box": 12**-0.5, "gaussian": width / 4, "blackman_harris": 0.2826 * width}.get(name, spread**0.5)
    assert spread == pytest.approx(sigma**2, rel=0.1, abs=0.025)
    if n < 4:
        camera, margin = make.view(20, 15), (len(weights) - n) // 2
        many = sample_camera(camera, n)
        window = (-margin, -margin, many.width + margin, many.height + margin)
        alpha = rasterize(*columns, many, window=window).alpha
        mine = Supersampler().draw(columns, camera, Sampling(n, 0.3, name, width), **OPTIONS).alpha
        for v, u in ((0, 0), (7, 11), (14, 19)):
            seen = alpha[v * n : v * n + len(weights), u * n : u * n + len(weights)]
            assert mine[v, u] == pytest.approx(weights @ seen @ weights, abs=2e-5)


def test_nothing_is_lost_beside_the_windows_that_are_left_out(make, columns, monkeypatch):
    """A small cloud in the corner of a large picture: only what it reaches is drawn, with the same result."""
    monkeypatch.setattr(supersampling, "WINDOW", 64)
    camera = make.view(300, 200)
    camera = Camera(**{**vars(camera), "fx": 60.0, "fy": 60.0, "cx": 40.3, "cy": 150.8})
    drawn = []
    monkeypatch.setattr(supersampling, "rasterize", lambda *a, **k: drawn.append(k["window"]) or rasterize(*a, **k))
    few = Supersampler().draw(columns, camera, Sampling(2), **OPTIONS)
    in_part = len(drawn)
    monkeypatch.setattr(supersampling, "overlap", lambda *_: True)
    every = Supersampler().draw(columns, camera, Sampling(2), **OPTIONS)
    assert in_part <= (len(drawn) - in_part) / 1.4
    assert all(np.array_equal(getattr(few, name), getattr(every, name)) for name in ("color", "alpha", "depth_median"))
    assert few.alpha.max() > 0.5


def test_what_does_not_move_does_not_change(make, columns):
    """Frame by frame to the bit: where the camera stands still, a pixel changes only where something moves."""
    camera, frames, still = make.view(), Supersampler(), None
    for shift in (0.0, 0.0, 0.01, 0.02, 0.0):
        moved = columns[0].copy()
        moved[:3] += np.float32(shift)
        now = frames.draw((moved, *columns[1:]), camera, Sampling(3), **OPTIONS)
        alone = Supersampler().draw((moved, *columns[1:]), camera, Sampling(3), **OPTIONS)
        for name in ("color", "alpha", "depth_expected", "depth_median"):
            assert np.array_equal(getattr(now, name), getattr(alone, name)), name
        still = now if still is None else still
        same = (now.color == still.color).all(-1)
        assert same.mean() > 0.5
        assert same.all() == (shift == 0.0)


def test_memory_does_not_grow_by_the_number_of_samples(make, columns):
    camera, peaks = make.view(1024, 1024, shift=(0.0, 0.0)), {}
    for n in (2, 4):
        frames = Supersampler()
        frames.draw(columns, make.view(8, 8), Sampling(n), **OPTIONS)
        tracemalloc.start()
        frames.draw(columns, camera, Sampling(n), **OPTIONS)
        peaks[n] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[4] < 1.2 * peaks[2]
    assert peaks[4] < 4**2 * 1024**2 * 6 * 4 / 3  # a third of the samples' six planes


def test_an_8k_picture_has_as_many_samples_as_any(make, columns):
    camera = sample_camera(make.view(8192, 4320), 4)
    assert (camera.width, camera.height) == (32768, 17280)


@pytest.mark.parametrize(
    "wrong", [{"samples_per_side": 0}, {"samples_per_side": 99}, {"pixel_filter": "sinc"}, {"filter_width": 0.0}]
)
def test_a_sampling_that_cannot_be(wrong):
    with pytest.raises(UserError, match=r"out of range|is unknown"):
        Sampling(**wrong)
