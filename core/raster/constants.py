# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers that every back end shares (those of gsplat 1.5.3), so that pictures agree to rounding."""

import math

from ..formats import Camera

ALPHA_MIN = 1.0 / 255.0  # a Gaussian touches a pixel when its alpha there is at least this
ALPHA_MAX = 0.999  # alpha is clamped to this (Inria's rasterizer: 0.99)
TRANSMITTANCE_MIN = 1e-4  # a pixel stops after the Gaussian that takes its transmittance to this or below
EPS2D = 0.3  # pixels^2 added to the 2D covariance's diagonal
FOV_MARGIN = 0.3  # J is evaluated no further out than the picture's edge plus this share of half its width
EXPONENT_MAX = math.log(255.0)  # exponent at which an opaque Gaussian's alpha is ALPHA_MIN
SPREAD_MAX = 1e18  # pixels^2; a Gaussian with a larger 2D covariance is dropped (float32 would overflow)

# real spherical harmonics as 3DGS stores them (Condon-Shortley signs), degree 1 to 3
SH_C0 = 0.28209479177387814
SH_C1 = 0.4886025119029199
SH_C2 = (1.0925484305920792, -1.0925484305920792, 0.31539156525252005, -1.0925484305920792, 0.5462742152960396)
SH_C3 = (
    -0.5900435899266435,
    2.890611442640554,
    -0.4570457994644658,
    0.3731763325901154,
    -0.4570457994644658,
    1.445305721320277,
    -0.5900435899266435,
)

# the numba back end's tiles: one flat loop over whole rows, so TILE_WIDE * (an even number of rows) fills 16 lanes
TILE_WIDE = 8
TILE_HIGH = 32


def trained_low_pass(antialiased: bool) -> float:
    """pixels^2, of `rasterize`, for pictures as large as those that a head was trained on: Mip-Splatting's where its
    opacities make up for the whole low-pass, else that of 3DGS, for which they do not."""
    return 0.0 if antialiased else EPS2D


def ratio_limits(camera: Camera) -> tuple[float, float, float, float]:
    """Least and most x/z, least and most y/z, between which a perspective camera's Jacobian is evaluated (gsplat)."""
    margin_x, margin_y = (0.5 * FOV_MARGIN * camera.width / camera.fx, 0.5 * FOV_MARGIN * camera.height / camera.fy)
    return (
        -camera.cx / camera.fx - margin_x,
        (camera.width - camera.cx) / camera.fx + margin_x,
        -camera.cy / camera.fy - margin_y,
        (camera.height - camera.cy) / camera.fy + margin_y,
    )
