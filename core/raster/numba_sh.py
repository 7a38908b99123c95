# SPDX-License-Identifier: GPL-3.0-or-later
"""Spherical harmonics of degree 0 to 3 and their slopes, one direction at a time (for inlining into kernels).

x, y, z: unit direction from the camera to the Gaussian, in head space. `basis` [16] holds band 0 first.
"""

import numpy as np

from .constants import SH_C0, SH_C1, SH_C2, SH_C3
from .numba_runtime import kernel

F = np.float32
A0, A1 = F(SH_C0), F(SH_C1)
B0, B1, B2, B3, B4 = (F(c) for c in SH_C2)
D0, D1, D2, D3, D4, D5, D6 = (F(c) for c in SH_C3)
TWO, THREE, FOUR = F(2), F(3), F(4)


@kernel()
def sh_basis(degree, x, y, z, basis):
    """Fill basis[: (degree+1)^2]."""
    basis[0] = A0
    if degree > 0:
        basis[1] = -A1 * y
        basis[2] = A1 * z
        basis[3] = -A1 * x
    if degree > 1:
        xx, yy, zz = x * x, y * y, z * z
        basis[4] = B0 * x * y
        basis[5] = B1 * y * z
        basis[6] = B2 * (TWO * zz - xx - yy)
        basis[7] = B3 * x * z
        basis[8] = B4 * (xx - yy)
        if degree > 2:
            basis[9] = D0 * y * (THREE * xx - yy)
            basis[10] = D1 * x * y * z
            basis[11] = D2 * y * (FOUR * zz - xx - yy)
            basis[12] = D3 * z * (TWO * zz - THREE * xx - THREE * yy)
            basis[13] = D4 * x * (FOUR * zz - xx - yy)
            basis[14] = D5 * z * (xx - yy)
            basis[15] = D6 * x * (xx - THREE * yy)


@kernel()
def sh_slope(degree, x, y, z, h):
    """d(sum_k h[k] basis_k)/d(x,y,z), from the polynomials as written above (not yet tangent to the sphere)."""
    gx, gy, gz = F(0), F(0), F(0)
    if degree > 0:
        gx, gy, gz = -A1 * h[3], -A1 * h[1], A1 * h[2]
    if degree > 1:
        gx += B0 * y * h[4] - TWO * B2 * x * h[6] + B3 * z * h[7] + TWO * B4 * x * h[8]
        gy += B0 * x * h[4] + B1 * z * h[5] - TWO * B2 * y * h[6] - TWO * B4 * y * h[8]
        gz += B1 * y * h[5] + FOUR * B2 * z * h[6] + B3 * x * h[7]
    if degree > 2:
        xx, yy, zz = x * x, y * y, z * z
        gx += (
            THREE * TWO * D0 * x * y * h[9]
            + D1 * y * z * h[10]
            - TWO * D2 * x * y * h[11]
            - THREE * TWO * D3 * x * z * h[12]
            + D4 * (FOUR * zz - THREE * xx - yy) * h[13]
            + TWO * D5 * x * z * h[14]
            + THREE * D6 * (xx - yy) * h[15]
        )
        gy += (
            THREE * D0 * (xx - yy) * h[9]
            + D1 * x * z * h[10]
            + D2 * (FOUR * zz - xx - THREE * yy) * h[11]
            - THREE * TWO * D3 * y * z * h[12]
            - TWO * D4 * x * y * h[13]
            - TWO * D5 * y * z * h[14]
            - THREE * TWO * D6 * x * y * h[15]
        )
        gz += (
            D1 * x * y * h[10]
            + FOUR * TWO * D2 * y * z * h[11]
            + THREE * D3 * (TWO * zz - xx - yy) * h[12]
            + FOUR * TWO * D4 * x * z * h[13]
            + D5 * (xx - yy) * h[14]
        )
    return gx, gy, gz
