# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots -> parameter gradients: per visible splat, its pair sums in a fixed order, then the projection backwards.

With A the splat's whitening (numba_project), m = (sum v t, sum v w) and M the matrix of second moments of v:
    dL/d(centre) = -2 A^T m        dL/d(covariance) = -16 A^T M A        dL/d(opacity) = -(sum v) / (8 opacity)
and where the opacity is times sqrt(det C0 / det C), with the covariances C0 of the trained low-pass and C of this one,
    dL/d(covariance) += -(sum v) / 16 (C0^-1 - C^-1)
then covariance = U U^T, U = J W R S backwards; gradients of a normalised quaternion are tangent to it.
Letters: see numba_project; G.. are gradients.
"""

import numpy as np
from numba import prange

from .numba_blend_backward import SUMS
from .numba_light import light_slope
from .numba_project import CHUNK, half_axes, jacobian, products, projection_rows, rotation, to_camera, view_direction
from .numba_runtime import claim, kernel
from .numba_sh import sh_basis, sh_slope

F, U = np.float32, np.uintp
ZERO, HALF, ONE, TWO, EIGHT, SIXTEEN = F(0), F(0.5), F(1), F(2), F(8), F(16)


@kernel()
def covariance_gradient(a, sums, U, cam):
    """dL/d(covariance) as a full symmetric matrix: (D00, D01, D11)."""
    p, q, d = a[2], a[3], a[4]
    tt, tw, ww = sums[6], sums[7], sums[8]
    D0 = -SIXTEEN * p * p * tt
    D1 = -SIXTEEN * p * (q * tt + d * tw)
    D2 = -SIXTEEN * (q * q * tt + TWO * q * d * tw + d * d * ww)
    trained = cam[29]
    if trained < cam[28]:
        uu, vv, uv, nn = products(U)
        over, half = ONE / (nn + trained * (uu + vv) + trained * trained), -sums[3] / SIXTEEN
        D0 += half * ((vv + trained) * over - SIXTEEN * p * p)
        D1 += half * (-uv * over - SIXTEEN * p * q)
        D2 += half * ((uu + trained) * over - SIXTEEN * (q * q + d * d))
    return D0, D1, D2


@kernel()
def quaternion_gradient(R, r, out):
    """dL/dq [4] from dL/dR (9 numbers); R as numba_project.rotation gives it."""
    w, x, y, z, over = R[9], R[10], R[11], R[12], R[13]
    gw = TWO * (x * (r[7] - r[5]) + y * (r[2] - r[6]) + z * (r[3] - r[1]))
    gx = TWO * (y * (r[1] + r[3]) + z * (r[2] + r[6]) + w * (r[7] - r[5]) - TWO * x * (r[4] + r[8]))
    gy = TWO * (x * (r[1] + r[3]) + z * (r[5] + r[7]) + w * (r[2] - r[6]) - TWO * y * (r[0] + r[8]))
    gz = TWO * (x * (r[2] + r[6]) + y * (r[5] + r[7]) + w * (r[3] - r[1]) - TWO * z * (r[0] + r[4]))
    along = w * gw + x * gx + y * gy + z * gz
    out[0], out[1], out[2], out[3] = (
        (gw - w * along) * over,
        (gx - x * along) * over,
        (gy - y * along) * over,
        (gz - z * along) * over,
    )


@kernel()
def jacobian_gradient(x, y, z, gxx, gxz, gyy, gyz, cam):
    """dL/d(camera-space mean) through J; where x/z or y/z is clamped J depends on z alone."""
    if cam[27] > ZERO:
        return ZERO, ZERO, ZERO
    over = ONE / z
    fx, fy = cam[12] * over * over, cam[13] * over * over
    rx, ry = x * over, y * over
    tx, ty = min(max(rx, cam[18]), cam[19]), min(max(ry, cam[20]), cam[21])
    gz = -fx * gxx - fy * gyy + fx * tx * gxz + fy * ty * gyz
    gx, gy = ZERO, ZERO
    if tx == rx:
        gx = -fx * gxz
        gz += fx * tx * gxz
    if ty == ry:
        gy = -fy * gyz
        gz += fy * ty * gyz
    return gx, gy, gz


@kernel(inline="always")
def rotation_gradient(M, gu0, gu1, gu2, gv0, gv1, gv2):
    """dL/dR (9 numbers) from M = J W and dL/d(M R), row by row."""
    return (
        M[0] * gu0 + M[3] * gv0,
        M[0] * gu1 + M[3] * gv1,
        M[0] * gu2 + M[3] * gv2,
        M[1] * gu0 + M[4] * gv0,
        M[1] * gu1 + M[4] * gv1,
        M[1] * gu2 + M[4] * gv2,
        M[2] * gu0 + M[5] * gv0,
        M[2] * gu1 + M[5] * gv1,
        M[2] * gu2 + M[5] * gv2,
    )


@kernel(inline="always")
def rotated(R, g0, g1, g2):
    """A row times R^T."""
    return (
        g0 * R[0] + g1 * R[1] + g2 * R[2],
        g0 * R[3] + g1 * R[4] + g2 * R[5],
        g0 * R[6] + g1 * R[7] + g2 * R[8],
    )


@kernel()
def shape_gradient(means, quats, scales, i, a, sums, cam, g_quats, g_scales):
    """Fill row i of g_quats and g_scales; dL/d(camera-space mean) through the covariance."""
    x, y, z = to_camera(means, i, cam)
    jxx, jxz, jyy, jyz = jacobian(x, y, z, cam)
    R, M = rotation(quats, i), projection_rows(jxx, jxz, jyy, jyz, cam)
    s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
    P = half_axes(M, R, ONE, ONE, ONE)
    u0, u1, u2, v0, v1, v2 = P[0] * s0, P[1] * s1, P[2] * s2, P[3] * s0, P[4] * s1, P[5] * s2
    D0, D1, D2 = covariance_gradient(a, sums, (u0, u1, u2, v0, v1, v2), cam)
    D0, D1, D2 = TWO * D0, TWO * D1, TWO * D2
    gu0, gu1, gu2 = D0 * u0 + D1 * v0, D0 * u1 + D1 * v1, D0 * u2 + D1 * v2
    gv0, gv1, gv2 = D1 * u0 + D2 * v0, D1 * u1 + D2 * v1, D1 * u2 + D2 * v2
    g_scales[i, 0] = gu0 * P[0] + gv0 * P[3]
    g_scales[i, 1] = gu1 * P[1] + gv1 * P[4]
    g_scales[i, 2] = gu2 * P[2] + gv2 * P[5]
    gu0, gu1, gu2, gv0, gv1, gv2 = gu0 * s0, gu1 * s1, gu2 * s2, gv0 * s0, gv1 * s1, gv2 * s2
    quaternion_gradient(R, rotation_gradient(M, gu0, gu1, gu2, gv0, gv1, gv2), g_quats[i])
    h0, h1, h2 = rotated(R, gu0, gu1, gu2)
    k0, k1, k2 = rotated(R, gv0, gv1, gv2)
    gxx, gxz = h0 * cam[0] + h1 * cam[1] + h2 * cam[2], h0 * cam[6] + h1 * cam[7] + h2 * cam[8]
    gyy, gyz = k0 * cam[3] + k1 * cam[4] + k2 * cam[5], k0 * cam[6] + k1 * cam[7] + k2 * cam[8]
    return jacobian_gradient(x, y, z, gxx, gxz, gyy, gyz, cam)


@kernel()
def colour_gradient(means, sh0, shN, i, degree, linear, a, sums, cam, basis, g_sh0, g_shN, g_means):
    """Fill row i of g_sh0 and g_shN, add the viewing direction's share to g_means[i]."""
    r, g, b = (sums[0] if a[6] > ZERO else ZERO, sums[1] if a[7] > ZERO else ZERO, sums[2] if a[8] > ZERO else ZERO)
    if linear:
        r, g, b = r * light_slope(a[6]), g * light_slope(a[7]), b * light_slope(a[8])
    x, y, z, over = ZERO, ZERO, ZERO, ZERO
    if degree > 0:
        x, y, z, over = view_direction(means, i, cam)
    sh_basis(degree, x, y, z, basis)
    g_sh0[i, 0], g_sh0[i, 1], g_sh0[i, 2] = basis[0] * r, basis[0] * g, basis[0] * b
    if degree == 0:
        return
    for j in range((degree + 1) * (degree + 1) - 1):
        e = basis[j + 1]
        g_shN[i, j, 0], g_shN[i, j, 1], g_shN[i, j, 2] = e * r, e * g, e * b
        basis[j + 1] = shN[i, j, 0] * r + shN[i, j, 1] * g + shN[i, j, 2] * b
    gx, gy, gz = sh_slope(degree, x, y, z, basis)
    along = gx * x + gy * y + gz * z
    g_means[i, 0] += (gx - along * x) * over
    g_means[i, 1] += (gy - along * y) * over
    g_means[i, 2] += (gz - along * z) * over


@kernel()
def mean_gradient(means, i, a, sums, depth, through_shape, cam, g_means, grad2d, absgrad2d):
    """Fill row i of g_means (all but the viewing direction's share), grad2d and absgrad2d."""
    gu, gv = -TWO * a[2] * sums[4], -TWO * (a[3] * sums[4] + a[4] * sums[5])
    half_x, half_y = HALF * cam[25], HALF * cam[26]
    grad2d[i, 0], grad2d[i, 1] = gu * half_x, gv * half_y
    absgrad2d[i, 0], absgrad2d[i, 1] = sums[9] * half_x, sums[10] * half_y
    x, y, z = to_camera(means, i, cam)
    gx, gy, gz = through_shape
    if cam[27] > ZERO:
        gx, gy, gz = gx + cam[12] * gu, gy + cam[13] * gv, gz + depth
    else:
        over = ONE / z
        du, dv = cam[12] * over * gu, cam[13] * over * gv
        gx, gy, gz = gx + du, gy + dv, gz + depth - (du * x + dv * y) * over
    g_means[i, 0] = cam[0] * gx + cam[3] * gy + cam[6] * gz
    g_means[i, 1] = cam[1] * gx + cam[4] * gy + cam[7] * gz
    g_means[i, 2] = cam[2] * gx + cam[5] * gy + cam[8] * gz


@kernel(parallel=True)
def project_backward(
    inputs, degree, linear, cam, table, tiles, first, ends, slots, depth_channel, gradients, statistics, workers
):
    """Fill the rows of the visible Gaussians; the others keep what they hold (zeros).

    inputs (means, quats, scales, sh0, shN), gradients (means, quats, scales, opacities, sh0, shN, extra [N,X']),
    statistics (grad2d, absgrad2d, counts int32). depth_channel is 1 where the last of the X features is the depth.
    """
    means, quats, scales, sh0, shN = inputs
    g_means, g_quats, g_scales, g_opacities, g_sh0, g_shN, g_extra = gradients
    grad2d, absgrad2d, counts = statistics
    n, width, counter = table.shape[0], slots.shape[1], np.zeros(1, np.int64)
    for _ in prange(workers):
        basis, sums = np.empty(16, np.float32), np.empty(width, np.float32)
        start = claim(counter) * CHUNK
        while start < n:
            for i in range(start, min(n, start + CHUNK)):
                if tiles[i] == 0:
                    continue
                a = table[i]
                sums[:] = ZERO
                for slot in range(first[i], ends[i]):
                    for k in range(U(width)):
                        sums[k] += slots[slot, k]
                through_shape = shape_gradient(means, quats, scales, i, a, sums, cam, g_quats, g_scales)
                depth = sums[width - 1] if depth_channel > 0 else ZERO
                mean_gradient(means, i, a, sums, depth, through_shape, cam, g_means, grad2d, absgrad2d)
                colour_gradient(means, sh0, shN, i, degree, linear, a, sums, cam, basis, g_sh0, g_shN, g_means)
                g_opacities[i] = -sums[3] / (EIGHT * a[15])
                counts[i] = np.int32(sums[11] + HALF)
                for c in range(width - SUMS - depth_channel):
                    g_extra[i, c] = sums[SUMS + c]
            start = claim(counter) * CHUNK
