# SPDX-License-Identifier: GPL-3.0-or-later
"""SSIM and its gradient in one fused pass (numba): what makes D-SSIM affordable on a CPU.

Structural similarity after Wang et al. 2004 as 3D Gaussian Splatting uses it: 11x11 Gaussian window of
sigma 1.5, each channel alone, zero padding, mean over all pixels and channels.

Technique: the image is seen as [H, W*C], so the separable window is a sum of shifted whole rows (C floats a
pixel across, whole rows down) and every inner loop is a contiguous multiply-add. The window is symmetric, so
with zero padding it is its own adjoint and the gradient takes three more blurs of the same kind.

Letters: a rendered, b target, m blurred a, n blurred b, R = W*C. Knows no torch and no loss weights.
"""

import numba
import numpy as np

from ..compiling import cached_njit

WINDOW = 11
SIGMA = 1.5
C1, C2 = np.float32(0.01**2), np.float32(0.03**2)


def window() -> np.ndarray:
    """The 1-D window, [11] float32, sum 1."""
    x = np.arange(WINDOW) - WINDOW // 2
    w = np.exp(-(x**2) / (2 * SIGMA**2))
    return (w / w.sum()).astype(np.float32)


@numba.njit(inline="always", fastmath=True)
def _across(padded, w, step, R, out):
    """out[r] = sum_k w[k] padded[r + k*step]: one row blurred along x. The window is symmetric."""
    w0, w1, w2, w3, w4, w5 = w[0], w[1], w[2], w[3], w[4], w[5]
    s = numba.uintp(step)
    for r in range(numba.uintp(R)):
        out[r] = (
            w0 * (padded[r] + padded[r + numba.uintp(10) * s])
            + w1 * (padded[r + s] + padded[r + numba.uintp(9) * s])
            + w2 * (padded[r + numba.uintp(2) * s] + padded[r + numba.uintp(8) * s])
            + w3 * (padded[r + numba.uintp(3) * s] + padded[r + numba.uintp(7) * s])
            + w4 * (padded[r + numba.uintp(4) * s] + padded[r + numba.uintp(6) * s])
            + w5 * padded[r + numba.uintp(5) * s]
        )


@cached_njit(parallel=True, fastmath=True)
def _blur_inputs(a, b, w, step, maps):
    """maps [5,H,R]: a, b, a*a, b*b, a*b blurred along x."""
    H, R = a.shape
    pad = 5 * step
    for y in numba.prange(H):
        rows = np.zeros((5, R + 2 * pad), np.float32)
        for r in range(R):
            u, v = a[y, r], b[y, r]
            rows[0, r + pad] = u
            rows[1, r + pad] = v
            rows[2, r + pad] = u * u
            rows[3, r + pad] = v * v
            rows[4, r + pad] = u * v
        for k in range(5):
            _across(rows[k], w, step, R, maps[k, y])


@numba.njit(inline="always", fastmath=True)
def _down(plane, w, y, total):
    """total[r] = sum_k w[k] plane[y+k-5, r]: whole rows added; rows outside the image are zero."""
    H, R = plane.shape
    total[:] = np.float32(0.0)
    for k in range(WINDOW):
        row = y + k - 5
        if 0 <= row < H:
            weight = w[k]
            for r in range(R):
                total[r] += weight * plane[row, r]


@cached_njit(parallel=True, fastmath=True)
def _value_and_derivatives(maps, w, derivatives):
    """[H] row sums of SSIM; derivatives [3,H,R] with respect to the blurred a, a*a and a*b."""
    H, R = maps.shape[1], maps.shape[2]
    sums = np.zeros(H, np.float64)
    one, two = np.float32(1.0), np.float32(2.0)
    for y in numba.prange(H):
        rows = np.empty((5, R), np.float32)
        for k in range(5):
            _down(maps[k], w, y, rows[k])
        total = 0.0
        for r in range(R):
            m, n = rows[0, r], rows[1, r]
            mm, nn, mn = m * m, n * n, m * n
            top1, top2 = two * mn + C1, two * (rows[4, r] - mn) + C2
            low1, low2 = mm + nn + C1, (rows[2, r] - mm) + (rows[3, r] - nn) + C2
            inverse = one / (low1 * low2)
            value = top1 * top2 * inverse
            total += value
            derivatives[0, y, r] = two * (n * (top2 - top1) * inverse - m * value * (one / low1 - one / low2))
            derivatives[1, y, r] = -value / low2
            derivatives[2, y, r] = two * top1 * inverse
        sums[y] = total
    return sums


@cached_njit(parallel=True, fastmath=True)
def _blur_derivatives(derivatives, w, step, maps):
    H, R = derivatives.shape[1], derivatives.shape[2]
    pad = 5 * step
    for y in numba.prange(H):
        row = np.zeros(R + 2 * pad, np.float32)
        for k in range(3):
            row[pad : pad + R] = derivatives[k, y]
            _across(row, w, step, R, maps[k, y])


@cached_njit(parallel=True, fastmath=True)
def _combine(maps, a, b, w, scale, gradient):
    """d SSIM / d a = blur(d0) + 2 a blur(d1) + b blur(d2)."""
    H, R = a.shape
    two = np.float32(2.0)
    for y in numba.prange(H):
        rows = np.empty((3, R), np.float32)
        for k in range(3):
            _down(maps[k], w, y, rows[k])
        for r in range(R):
            gradient[y, r] = scale * (rows[0, r] + two * a[y, r] * rows[1, r] + b[y, r] * rows[2, r])


def _rows(image: np.ndarray) -> np.ndarray:
    image = np.ascontiguousarray(image, dtype=np.float32)
    if image.ndim != 3 or image.size == 0:
        raise ValueError(f"an image must be [H,W,C] and not empty, not {image.shape}")
    return image.reshape(image.shape[0], -1)


def ssim_with_gradient(
    rendered: np.ndarray,  # [H,W,C] 0..1
    target: np.ndarray,  # [H,W,C] 0..1
    want_gradient: bool = True,
) -> tuple[float, np.ndarray | None]:
    """Mean SSIM and d SSIM / d rendered [H,W,C] float32 (None when not wanted)."""
    if rendered.shape != target.shape:
        raise ValueError(f"pictures differ in shape: {rendered.shape} and {target.shape}")
    a, b = _rows(rendered), _rows(target)
    step, w = rendered.shape[2], window()
    maps = np.empty((5, *a.shape), np.float32)
    derivatives = np.empty((3, *a.shape), np.float32)
    _blur_inputs(a, b, w, step, maps)
    value = float(_value_and_derivatives(maps, w, derivatives).sum() / a.size)
    if not want_gradient:
        return value, None
    gradient = np.empty_like(a)
    _blur_derivatives(derivatives, w, step, maps)
    _combine(maps, a, b, w, np.float32(1.0 / a.size), gradient)
    return value, gradient.reshape(rendered.shape)


def ssim(
    rendered: np.ndarray,  # [H,W,C] 0..1
    target: np.ndarray,  # [H,W,C] 0..1
) -> float:
    """Mean structural similarity, -1..1."""
    return ssim_with_gradient(rendered, target, want_gradient=False)[0]
