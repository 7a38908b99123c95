# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians -> splats: one parallel pass that projects, culls, colours and whitens.

A splat is one row of 16 float32 (one cache line), the only thing the raster kernels read:
    0 u, 1 v       centre in pixels
    2 p, 3 q, 4 d  upper triangular A = [[p, q], [0, d]]: y = A (pixel - centre), exponent/8 = |y|^2 + k
    5 k            -ln(opacity)/8 (compensated), so that alpha = exp(-8 (|y|^2 + k)) and a hit is |y|^2 + k <= ln(255)/8
    6 r, 7 g, 8 b  colour, >= 0: a code, or light where light is blended
    9 z            depth along the camera's axis
    10..13         the pixel rectangle it can touch: left, top, right, bottom (ends exclusive)
    14             radius in pixels (the larger half extent, rounded up); 0 when culled
    15             opacity, as given
A whitened form y is used instead of the conic because |y|^2 does not cancel for long thin splats, and because every
gradient of the 2D covariance follows from the moments of y (numba_project_backward).

Letters: N Gaussians, W the 3x3 part of viewmat, R rotation, S scales, J the projection's Jacobian [2,3],
U = J W R S [2,3], covariance [[a, b], [b, c]] = U U^T + low-pass.
"""

import math

import numpy as np
from numba import prange

from .constants import ALPHA_MIN, EPS2D, EXPONENT_MAX, SPREAD_MAX, TILE_HIGH, TILE_WIDE, ratio_limits
from .numba_light import to_light
from .numba_runtime import claim, kernel
from .numba_sh import sh_basis
from .raster_input import RasterInput

F = np.float32
ZERO, HALF, ONE, TWO = F(0), F(0.5), F(1), F(2)
EPS, SPREAD, TINY_ALPHA = F(EPS2D), F(SPREAD_MAX), F(ALPHA_MIN)
LOG_TINY = F(-EXPONENT_MAX)  # of TINY_ALPHA
QUARTER, EIGHTH, FAR_PIXEL = F(0.25), F(0.125), F(1e10)
LENGTH_MIN = F(1e-12)
SLACK = F(1.0005)  # the rectangle is a hair wider than the ellipse: rounding may not lose a pixel
REACH = F(2.0 * EXPONENT_MAX)
RADIUS_MAX = F(1e9)  # fits int32
CHUNK = 256
FIELDS = 16


def camera_numbers(scene: RasterInput) -> np.ndarray:
    """The scene's camera as float32 [30]: W 0..8, t 9..11, fx fy cx cy 12..15, near far 16 17, limits of x/z 18 19 and
    of y/z 20 21, centre (perspective) or axis (orthographic) in head space 22..24, width height 25 26, orthographic 27,
    low-pass and trained low-pass in pixels^2 28 29. cx, cy, width and height are the window's, the limits the camera's.
    """
    camera, (left, top) = scene.camera, scene.corner
    matrix, orthographic = camera.matrix, camera.kind == "orthographic"
    axis = matrix[2, :3] / np.linalg.norm(matrix[2, :3])
    lens = camera.fx, camera.fy, camera.cx - left, camera.cy - top, camera.near, camera.far, *ratio_limits(camera)
    origin = axis if orthographic else camera.centre
    picture = *scene.size, orthographic, scene.low_pass, scene.trained_low_pass
    numbers = *matrix[:3, :3].ravel(), *matrix[:3, 3], *lens, *origin, *picture
    return np.array(numbers, dtype=np.float32)


@kernel()
def all_finite(bits):
    """Whether no float32 of `bits` (viewed as uint32 [M]) is NaN or infinite; integer tests, which fastmath keeps."""
    wrong = 0
    for i in range(bits.shape[0]):
        wrong += np.int64((bits[i] & np.uint32(0x7F800000)) == np.uint32(0x7F800000))
    return wrong == 0


@kernel()
def rotation(quats, i):
    """R of the normalised quaternion i, row by row, and 1/|q|. A zero quaternion is the identity."""
    w, x, y, z = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
    over = ONE / max(math.sqrt(w * w + x * x + y * y + z * z), LENGTH_MIN)
    w, x, y, z = w * over, x * over, y * over, z * over
    return (
        ONE - TWO * (y * y + z * z),
        TWO * (x * y - w * z),
        TWO * (x * z + w * y),
        TWO * (x * y + w * z),
        ONE - TWO * (x * x + z * z),
        TWO * (y * z - w * x),
        TWO * (x * z - w * y),
        TWO * (y * z + w * x),
        ONE - TWO * (x * x + y * y),
        w,
        x,
        y,
        z,
        over,
    )


@kernel()
def to_camera(means, i, cam):
    """Mean i in camera space."""
    x, y, z = means[i, 0], means[i, 1], means[i, 2]
    return (
        cam[0] * x + cam[1] * y + cam[2] * z + cam[9],
        cam[3] * x + cam[4] * y + cam[5] * z + cam[10],
        cam[6] * x + cam[7] * y + cam[8] * z + cam[11],
    )


@kernel()
def jacobian(x, y, z, cam):
    """J's entries (xx, xz, yy, yz); evaluated at the picture's margin for Gaussians further out (gsplat)."""
    if cam[27] > ZERO:
        return cam[12], ZERO, cam[13], ZERO
    over = ONE / z
    tx, ty = min(max(x * over, cam[18]), cam[19]), min(max(y * over, cam[20]), cam[21])
    return cam[12] * over, -cam[12] * tx * over, cam[13] * over, -cam[13] * ty * over


@kernel(inline="always")
def projection_rows(jxx, jxz, jyy, jyz, cam):
    """J W, row by row."""
    return (
        jxx * cam[0] + jxz * cam[6],
        jxx * cam[1] + jxz * cam[7],
        jxx * cam[2] + jxz * cam[8],
        jyy * cam[3] + jyz * cam[6],
        jyy * cam[4] + jyz * cam[7],
        jyy * cam[5] + jyz * cam[8],
    )


@kernel()
def half_axes(M, R, sx, sy, sz):
    """U = M R S with M = J W, row by row."""
    return (
        (M[0] * R[0] + M[1] * R[3] + M[2] * R[6]) * sx,
        (M[0] * R[1] + M[1] * R[4] + M[2] * R[7]) * sy,
        (M[0] * R[2] + M[1] * R[5] + M[2] * R[8]) * sz,
        (M[3] * R[0] + M[4] * R[3] + M[5] * R[6]) * sx,
        (M[3] * R[1] + M[4] * R[4] + M[5] * R[7]) * sy,
        (M[3] * R[2] + M[4] * R[5] + M[5] * R[8]) * sz,
    )


@kernel()
def whiten(U):
    """(p, q, d, a, c): A with A^T A = conic/16 and the covariance's diagonal.

    The determinant is |u x v|^2 + EPS2D (|u|^2 + |v|^2) + EPS2D^2 (Cauchy-Binet): a sum of squares, no cancellation.
    """
    uu, vv = U[0] * U[0] + U[1] * U[1] + U[2] * U[2], U[3] * U[3] + U[4] * U[4] + U[5] * U[5]
    uv = U[0] * U[3] + U[1] * U[4] + U[2] * U[5]
    n0, n1, n2 = U[1] * U[5] - U[2] * U[4], U[2] * U[3] - U[0] * U[5], U[0] * U[4] - U[1] * U[3]
    det = n0 * n0 + n1 * n1 + n2 * n2 + EPS * (uu + vv) + EPS * EPS
    a, c = uu + EPS, vv + EPS
    p = QUARTER * math.sqrt(c / det)
    return p, -p * uv / c, QUARTER / math.sqrt(c), a, c


@kernel()
def products(U):
    """Of the rows u, v of U: |u|^2, |v|^2, u v, and |u x v|^2."""
    uu, vv = U[0] * U[0] + U[1] * U[1] + U[2] * U[2], U[3] * U[3] + U[4] * U[4] + U[5] * U[5]
    uv = U[0] * U[3] + U[1] * U[4] + U[2] * U[5]
    n0, n1, n2 = U[1] * U[5] - U[2] * U[4], U[2] * U[3] - U[0] * U[5], U[0] * U[4] - U[1] * U[3]
    return uu, vv, uv, n0 * n0 + n1 * n1 + n2 * n2


@kernel()
def whiten_by(U, low_pass, trained):
    """`whiten` with any low-pass, and the share of the opacity that is left where it is above the trained one."""
    uu, vv, uv, nn = products(U)
    det = nn + low_pass * (uu + vv) + low_pass * low_pass
    a, c = uu + low_pass, vv + low_pass
    p, share = QUARTER * math.sqrt(c / det), ONE
    if trained < low_pass:
        share = math.sqrt((nn + trained * (uu + vv) + trained * trained) / det)
    return p, -p * uv / c, QUARTER / math.sqrt(c), a, c, share


@kernel()
def view_direction(means, i, cam):
    """Unit viewing direction of Gaussian i in head space, and 1/distance (0 for parallel rays)."""
    if cam[27] > ZERO:
        return cam[22], cam[23], cam[24], ZERO
    x, y, z = means[i, 0] - cam[22], means[i, 1] - cam[23], means[i, 2] - cam[24]
    over = ONE / max(math.sqrt(x * x + y * y + z * z), LENGTH_MIN)
    return x * over, y * over, z * over, over


@kernel()
def colour(means, sh0, shN, i, degree, linear, cam, basis, splat):
    """splat[6:9] = max(0, SH + 0.5), decoded to light where `linear`."""
    x, y, z = ZERO, ZERO, ZERO
    if degree > 0:
        x, y, z, _ = view_direction(means, i, cam)
    sh_basis(degree, x, y, z, basis)
    r, g, b = basis[0] * sh0[i, 0], basis[0] * sh0[i, 1], basis[0] * sh0[i, 2]
    for j in range((degree + 1) * (degree + 1) - 1):
        r += basis[j + 1] * shN[i, j, 0]
        g += basis[j + 1] * shN[i, j, 1]
        b += basis[j + 1] * shN[i, j, 2]
    splat[6], splat[7], splat[8] = max(ZERO, r + HALF), max(ZERO, g + HALF), max(ZERO, b + HALF)
    if linear:
        splat[6], splat[7], splat[8] = to_light(splat[6]), to_light(splat[7]), to_light(splat[8])


@kernel()
def project_one(means, quats, scales, opacities, i, cam, splat):
    """All of the splat but its colour; the number of tiles it touches (0: culled)."""
    x, y, z = to_camera(means, i, cam)
    splat[9] = z
    opacity = opacities[i]
    if not (cam[16] < z < cam[17] and opacity >= TINY_ALPHA):
        return 0
    over = ONE if cam[27] > ZERO else ONE / z
    u, v = cam[12] * x * over + cam[14], cam[13] * y * over + cam[15]
    jxx, jxz, jyy, jyz = jacobian(x, y, z, cam)
    M = projection_rows(jxx, jxz, jyy, jyz, cam)
    U = half_axes(M, rotation(quats, i), scales[i, 0], scales[i, 1], scales[i, 2])
    if cam[29] == EPS:  # most heads: a constant to the compiler
        p, q, d, a, c = whiten(U)
        share = ONE
    else:
        p, q, d, a, c, share = whiten_by(U, cam[28], cam[29])
    if not (abs(u) < FAR_PIXEL and abs(v) < FAR_PIXEL and a + c < SPREAD):
        return 0
    log_opacity = math.log(opacity)
    if share < ONE:
        log_opacity += math.log(share)
        if not log_opacity >= LOG_TINY:
            return 0
    reach = SLACK * math.sqrt(max(ZERO, REACH + TWO * log_opacity))
    wide, high = reach * math.sqrt(a), reach * math.sqrt(c)
    left, right = max(ZERO, np.ceil(u - wide - HALF)), min(cam[25], np.floor(u + wide + HALF))
    top, bottom = max(ZERO, np.ceil(v - high - HALF)), min(cam[26], np.floor(v + high + HALF))
    if left >= right or top >= bottom:
        return 0
    splat[0], splat[1], splat[2], splat[3], splat[4], splat[5] = u, v, p, q, d, -EIGHTH * log_opacity
    splat[10], splat[11], splat[12], splat[13] = left, top, right, bottom
    splat[14], splat[15] = min(np.ceil(max(wide, high) / SLACK), RADIUS_MAX), opacity
    return ((int(right) + TILE_WIDE - 1) // TILE_WIDE - int(left) // TILE_WIDE) * (
        (int(bottom) + TILE_HIGH - 1) // TILE_HIGH - int(top) // TILE_HIGH
    )


@kernel(parallel=True)
def project(means, quats, scales, opacities, sh0, shN, degree, linear, cam, wanted, splats, tiles, workers):
    """Fill splats [N,16] and tiles int32 [N] (how many tiles each one's rectangle touches; 0 is culled) where
    wanted bool [N]; the other rows stay."""
    n, counter = means.shape[0], np.zeros(1, np.int64)
    for _ in prange(workers):
        basis = np.empty(16, np.float32)
        start = claim(counter) * CHUNK
        while start < n:
            for i in range(start, min(n, start + CHUNK)):
                if not wanted[i]:
                    continue
                splat = splats[i]
                splat[14] = ZERO
                tiles[i] = project_one(means, quats, scales, opacities, i, cam, splat)
                if tiles[i] > 0:
                    colour(means, sh0, shN, i, degree, linear, cam, basis, splat)
            start = claim(counter) * CHUNK
