# SPDX-License-Identifier: GPL-3.0-or-later
"""The raster's gradient: tiles again, front to back again, into one slot a (splat, tile) pair. No atomics.

No per-pixel list is kept by the forward pass: the light behind the current splat is total - prefix. With q = upstream
gradient . what the splat shows, dL/dalpha = T q - behind/(1 - alpha); behind starts as the pixel's full value.
Per pair the sums over pixels of v = dL/dx (x = |y|^2 + k, alpha = exp(-8x); y = (t, w)) are
    0..2 colour   3 v   4 v t   5 v w   6 v t t   7 v t w   8 v w w
    9 |dL/du|   10 |dL/dv|   11 pixels touched   12.. features
from which numba_project_backward takes opacity, centre and covariance. The loop obeys the rules of numba_blend.
"""

import numpy as np
from numba import prange

from .constants import ALPHA_MAX, EXPONENT_MAX, TILE_HIGH, TILE_WIDE, TRANSMITTANCE_MIN
from .numba_blend import E0, E1, E2, E3, E4, E5, PIXELS, rows_of
from .numba_runtime import claim, kernel

F, U = np.float32, np.uintp
ZERO, HALF, ONE, TWO, MINUS_EIGHT = F(0), F(0.5), F(1), F(2), F(-8)
HIT, TOP, STOP = F(EXPONENT_MAX / 8.0), F(ALPHA_MAX), F(TRANSMITTANCE_MIN)
T_, L_, R_, G_, B_, A_, Q_, X_, Y_, W_, C_ = (U(TILE_WIDE * TILE_HIGH * k) for k in range(11))
SUMS = 12


@kernel(inline="always")
def blend_backward(s, lo, hi, p, q, d, ku, kv, k, r, g, b, slot):
    """One splat's sums over pixels lo..hi of the tile."""
    sr, sg, sb, sv, st, sw = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    stt, stw, sww, sx, sy, touched = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    for i in range(lo, hi):
        yt = p * s[X_ + i] + (q * s[Y_ + i] + ku)
        yw = d * s[Y_ + i] + kv
        x = yt * yt + (yw * yw + k)
        e = min(x, HIT)
        e = E0 + e * (E1 + e * (E2 + e * (E3 + e * (E4 + e * E5))))
        e = e * e
        e = e * e
        e = e * e
        alpha = min(e, TOP) if x <= HIT else ZERO
        t = s[T_ + i]
        before = max(t, ZERO)
        weight = alpha * before
        after = t - weight
        s[T_ + i] = after if after > STOP else -abs(after)
        shown = s[Q_ + i] + r * s[R_ + i] + g * s[G_ + i] + b * s[B_ + i]
        behind = s[L_ + i] - weight * shown
        s[L_ + i] = behind
        s[W_ + i] = weight
        v = MINUS_EIGHT * (weight * shown - alpha * behind / (ONE - alpha))
        v = v if (weight > ZERO) & (e <= TOP) else ZERO
        sr += weight * s[R_ + i]
        sg += weight * s[G_ + i]
        sb += weight * s[B_ + i]
        vt, vw = v * yt, v * yw
        sv += v
        st += vt
        sw += vw
        stt += vt * yt
        stw += vt * yw
        sww += vw * yw
        sx += abs(vt)
        sy += abs(q * vt + d * vw)
        touched += ONE if weight > ZERO else ZERO
    slot[0], slot[1], slot[2], slot[3], slot[4], slot[5] = sr, sg, sb, sv, st, sw
    slot[6], slot[7], slot[8], slot[9], slot[10], slot[11] = stt, stw, sww, TWO * p * sx, TWO * sy, touched


@kernel(inline="always")
def show(s, lo, hi, plane, value):
    """Q += feature * its upstream gradient."""
    for i in range(lo, hi):
        s[Q_ + i] += value * s[plane + i]


@kernel(inline="always")
def show_alpha(s, lo, hi):
    """Q = upstream gradient of alpha."""
    for i in range(lo, hi):
        s[Q_ + i] = s[A_ + i]


@kernel(inline="always")
def weigh(s, lo, hi, plane):
    """Sum of weight * upstream gradient of a feature."""
    total = ZERO
    for i in range(lo, hi):
        total += s[W_ + i] * s[plane + i]
    return total


@kernel(inline="always")
def any_live(s):
    """Whether any pixel of the tile still takes light."""
    total = ZERO
    for i in range(U(0), PIXELS):
        total += ONE if s[T_ + i] > ZERO else ZERO
    return total > ZERO


@kernel()
def open_tile(s, left, top, wide, high, pictures, gradients):
    """Upstream gradients into planes, and the light behind the first splat (background included)."""
    color, trans, channels = pictures
    g_color, g_alpha, g_channels = gradients
    for i in range(U(0), X_):
        s[i] = ZERO
    for i in range(U(0), PIXELS):
        s[T_ + i] = -ONE
    for y in range(U(high)):
        for x in range(U(wide)):
            i = y * U(TILE_WIDE) + x
            u, v = U(left) + x, U(top) + y
            r, g, b, a = g_color[v, u, 0], g_color[v, u, 1], g_color[v, u, 2], g_alpha[v, u]
            s[T_ + i], s[R_ + i], s[G_ + i], s[B_ + i], s[A_ + i], s[Q_ + i] = ONE, r, g, b, a, a
            s[L_ + i] = color[v, u, 0] * r + color[v, u, 1] * g + color[v, u, 2] * b + (ONE - trans[v, u]) * a
    for c in range(channels.shape[2]):
        plane = C_ + U(c) * PIXELS
        for i in range(U(0), PIXELS):
            s[plane + i] = ZERO
        for y in range(high):
            for x in range(wide):
                i = U(y * TILE_WIDE + x)
                g = g_channels[top + y, left + x, c]
                s[plane + i] = g
                s[L_ + i] += channels[top + y, left + x, c] * g


@kernel()
def fill_tile_backward(s, pairs, splats, features, left, top, slots):
    """All splats of one tile's list; those behind the last live pixel get zeros."""
    further, live = features.shape[1], True
    for j in range(pairs.shape[0]):
        rank, slot = pairs[j, 0], slots[pairs[j, 1]]
        if j & 15 == 15:
            live = live and any_live(s)
        if not live:
            slot[:] = ZERO
            continue
        a = splats[rank]
        lo, hi = rows_of(pairs[j, 2])
        p, q, d = a[2], a[3], a[4]
        du, dv = F(left) + HALF - a[0], F(top) + HALF - a[1]
        if further > 0:
            show_alpha(s, lo, hi)
            for c in range(further):
                show(s, lo, hi, C_ + U(c) * PIXELS, features[rank, c])
        blend_backward(s, lo, hi, p, q, d, p * du + q * dv, d * dv, a[5], a[6], a[7], a[8], slot)
        for c in range(further):
            slot[SUMS + c] = weigh(s, lo, hi, C_ + U(c) * PIXELS)


@kernel(parallel=True)
def rasterize_tiles_backward(splats, starts, pairs, features, tiles_x, workers, pictures, gradients, slots):
    """Fill slots [P,12+X] from pictures (color, trans, channels) and their upstream gradients (color, alpha,
    channels); shapes as in numba_blend.rasterize_tiles.
    """
    height, width = pictures[1].shape
    tiles, counter = starts.shape[0] - 1, np.zeros(1, np.int64)
    for _ in prange(workers):
        s = np.empty(TILE_WIDE * TILE_HIGH * (10 + features.shape[1]), np.float32)
        for i in range(TILE_WIDE * TILE_HIGH):
            s[X_ + U(i)], s[Y_ + U(i)] = F(i % TILE_WIDE), F(i // TILE_WIDE)
        tile = claim(counter)
        while tile < tiles:
            if starts[tile] < starts[tile + 1]:
                left, top = (tile % tiles_x) * TILE_WIDE, (tile // tiles_x) * TILE_HIGH
                wide, high = min(TILE_WIDE, width - left), min(TILE_HIGH, height - top)
                open_tile(s, left, top, wide, high, pictures, gradients)
                fill_tile_backward(s, pairs[starts[tile] : starts[tile + 1]], splats, features, left, top, slots)
            tile = claim(counter)
