# SPDX-License-Identifier: GPL-3.0-or-later
"""ST-LPIPS gives the figures of its authors' own program, and is what its name says."""

import importlib.util

import numpy as np
import pytest

from talksplat.core.formats.user_error import UserError
from talksplat.core.metrics import psnr
from talksplat.core.metrics.st_lpips import MIN_SIZE, PACKAGE, StLpips


@pytest.fixture(scope="module")
def metric():
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip("stlpips-pytorch, which holds the weights, is not installed")
    return StLpips.from_package()


def waves(height, width, shift=0):
    y, x = np.mgrid[:height, :width]
    return np.stack([0.5 + 0.5 * np.sin(y / 5 + (x - shift) / 9 + k) for k in range(3)], axis=-1).astype(np.float32)


GOLDEN = {(24, 24): (0.00290056, 0.2614315), (50, 37): (0.00168805, 0.3076702), (96, 128): (0.0014908, 0.2910195)}


@pytest.mark.parametrize(("size", "figures"), GOLDEN.items())
def test_the_authors_figures(metric, size, figures):
    """What stlpips-pytorch 0.0.2 itself gives: LPIPS(net="alex", variant="shift_tolerant")."""
    target = waves(*size)
    assert [metric(waves(*size, 1), target), metric(target[..., ::-1], target)] == pytest.approx(figures, rel=2e-5)


def test_a_shift_is_tolerated_and_a_blemish_is_not(metric):
    target = waves(96, 80)
    shifted = waves(96, 80, 1)
    noisy = target + np.random.default_rng(0).normal(0, 1, target.shape) * np.sqrt(np.mean((shifted - target) ** 2))
    assert psnr(noisy, target) == pytest.approx(psnr(shifted, target), abs=0.1)
    assert metric(target, target) == 0
    assert 0 < 8 * metric(shifted, target) < metric(noisy, target)
    assert metric(noisy, target) == pytest.approx(metric(target, noisy))


def test_bounds(metric, tmp_path):
    assert np.isfinite(metric(waves(MIN_SIZE, 30), waves(MIN_SIZE, 30)))
    assert np.isnan(metric(waves(MIN_SIZE - 1, 30), waves(MIN_SIZE - 1, 30)))
    with pytest.raises(ValueError, match="differ in shape"):
        metric(waves(30, 30), waves(31, 30))
    (tmp_path / "weights.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match=r"weights\.pth: these are not the ST-LPIPS weights"):
        StLpips.from_file(tmp_path / "weights.pth")


def test_without_its_package_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(UserError, match=r"pip install stlpips-pytorch==0\.0\.2"):
        StLpips.from_package()
