# SPDX-License-Identifier: GPL-3.0-or-later
"""The fused SSIM against a float64 reference written another way, and against finite differences."""

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from talksplat.core.metrics import psnr, ssim_with_gradient
from talksplat.core.metrics.ssim import ssim


def reference(a, b):
    w = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    w /= w.sum()

    def blur(x):
        return correlate1d(correlate1d(x, w, axis=0, mode="constant"), w, axis=1, mode="constant")

    a, b = a.astype(np.float64), b.astype(np.float64)
    m, n = blur(a), blur(b)
    va, vb, ab = blur(a * a) - m * m, blur(b * b) - n * n, blur(a * b) - m * n
    return float(np.mean((2 * m * n + 1e-4) * (2 * ab + 9e-4) / ((m * m + n * n + 1e-4) * (va + vb + 9e-4))))


@pytest.mark.parametrize("shape", [(33, 47, 3), (16, 16, 1), (3, 5, 3), (64, 20, 4)])
def test_value_and_gradient(shape):
    rng = np.random.default_rng(0)
    a = rng.random(shape, dtype=np.float32)
    b = np.clip(a + 0.2 * rng.standard_normal(shape).astype(np.float32), 0, 1)
    value, gradient = ssim_with_gradient(a, b)
    assert value == pytest.approx(reference(a, b), abs=2e-6)
    for _ in range(3):
        direction = rng.standard_normal(shape)
        step = 1e-5
        slope = (reference(a + step * direction, b) - reference(a - step * direction, b)) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=2e-4, abs=1e-7)


def test_ends():
    a = np.random.default_rng(1).random((20, 20, 3), dtype=np.float32)
    value, gradient = ssim_with_gradient(a, a)
    assert value == pytest.approx(1, abs=1e-5)
    assert np.abs(gradient).max() < 1e-6
    assert psnr(a, a) == float("inf")
    assert psnr(a * 0, a * 0 + 0.1) == pytest.approx(20)
    with pytest.raises(ValueError, match="shape"):
        ssim(a, a[:10])


def test_same_twice():
    rng = np.random.default_rng(2)
    a, b = rng.random((2, 40, 30, 3), dtype=np.float32)
    first, again = ssim_with_gradient(a, b), ssim_with_gradient(a, b)
    assert first[0] == again[0]
    assert np.array_equal(first[1], again[1])
