# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiles as numba_blend makes them, in which each pixel takes no splat beyond a depth of its own: what stands before the
head there is another renderer's.

A kernel of its own, so that pictures without a limit cost nothing more. The test is by the splat's centre: not in the
paper: chosen because splats are sorted by it, and what is drawn of each pixel is then what a nearer surface leaves.
"""

import numpy as np
from numba import prange

from .constants import TILE_HIGH, TILE_WIDE
from .numba_blend import (
    B_,
    C_,
    E0,
    E1,
    E2,
    E3,
    E4,
    E5,
    G_,
    HALF,
    HIT,
    LOOK,
    M_,
    PIXELS,
    R_,
    STOP,
    T_,
    TOP,
    W_,
    X_,
    Y_,
    ZERO,
    F,
    U,
    accumulate,
    close_tile,
    live_pixels,
    open_tile,
    rows_of,
)  # fmt: skip
from .numba_runtime import claim, kernel


@kernel(inline="always")
def blend_before(s, lo, hi, limit, p, q, d, ku, kv, k, r, g, b, z):
    """As `blend_wide`, onto the pixels whose limit, a plane of the tile, is not before the splat."""
    for i in range(lo, hi):
        yt = p * s[X_ + i] + (q * s[Y_ + i] + ku)
        yw = d * s[Y_ + i] + kv
        x = yt * yt + (yw * yw + k)
        e = min(x, HIT)
        e = E0 + e * (E1 + e * (E2 + e * (E3 + e * (E4 + e * E5))))
        e = e * e
        e = e * e
        alpha = min(e * e, TOP) if (x <= HIT) & (z <= s[limit + i]) else ZERO
        t = s[T_ + i]
        weight = alpha * max(t, ZERO)
        after = t - weight
        s[M_ + i] = z if (t >= HALF) & (after < HALF) else s[M_ + i]
        s[T_ + i] = after if after > STOP else -abs(after)
        s[R_ + i] += weight * r
        s[G_ + i] += weight * g
        s[B_ + i] += weight * b
        s[W_ + i] = weight


@kernel()
def fill_before(s, pairs, splats, features, left, top, rows, limit):
    """All splats of one tile's list onto its rows; see numba_blend.fill_tile."""
    further = features.shape[1]
    live_lo, live_hi = rows_of(rows)
    for j in range(pairs.shape[0]):
        if j & LOOK == LOOK:
            live_lo, live_hi = live_pixels(s, live_lo, live_hi)
            if live_lo == live_hi:
                return
        a = splats[pairs[j, 0]]
        lo, hi = rows_of(pairs[j, 2])
        lo, hi = max(lo, live_lo), min(hi, live_hi)
        if lo >= hi:
            continue
        p, q, d, k, r, g, b = a[2], a[3], a[4], a[5], a[6], a[7], a[8]
        du, dv = F(left) + HALF - a[0], F(top) + HALF - a[1]
        blend_before(s, lo, hi, limit, p, q, d, p * du + q * dv, d * dv, k, r, g, b, a[9])
        for c in range(further):
            accumulate(s, lo, hi, C_ + U(c) * PIXELS, features[pairs[j, 0], c])


@kernel(parallel=True)
def rasterize_before(
    splats, starts, pairs, wanted, features, background, tiles_x, workers, far_limit, color, trans, channels, median
):
    """As `rasterize_tiles`; far_limit float32 [H,W]: the depth beyond which a pixel takes nothing."""
    height, width = trans.shape
    tiles, counter = starts.shape[0] - 1, np.zeros(1, np.int64)
    for _ in prange(workers):
        s = np.empty(TILE_WIDE * TILE_HIGH * (9 + features.shape[1]), np.float32)
        limit = C_ + U(features.shape[1]) * PIXELS
        for i in range(TILE_WIDE * TILE_HIGH):
            s[X_ + U(i)], s[Y_ + U(i)] = F(i % TILE_WIDE), F(i // TILE_WIDE)
        tile = claim(counter)
        while tile < tiles:
            if wanted[tile] > 0:
                left, top = (tile % tiles_x) * TILE_WIDE, (tile // tiles_x) * TILE_HIGH
                wide, high = min(TILE_WIDE, width - left), min(TILE_HIGH, height - top)
                first, end = wanted[tile] & 255, min(high, wanted[tile] >> 8)
                open_tile(s, wide, high)
                for y in range(high):
                    for x in range(wide):
                        s[limit + U(y * TILE_WIDE + x)] = far_limit[top + y, left + x]
                rows = pairs[starts[tile] : starts[tile + 1]]
                fill_before(s, rows, splats, features, left, top, wanted[tile], limit)
                close_tile(s, left, top, wide, first, end, background, color, trans, channels, median)
            tile = claim(counter)
