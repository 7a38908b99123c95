# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiles of 256 pixels, front to back: colour, transmittance, and on demand further channels and the median depth.

What makes the inner loop vectorise, and is lost silently (a benchmark watches the speed): ONE scratch buffer whose
planes are at constant offsets; unsigned indices; one flat loop over whole rows of the tile, without a branch; explicit
float32; fastmath. A pixel that has stopped keeps -transmittance: the sign is the live flag.

exp(-8x) = P(x)^8 with P of degree 5 (weighted fit on [0, 0.70]; relative error 8e-7), x <= ln(255)/8 = 0.693.
"""

import numpy as np
from numba import prange

from .constants import ALPHA_MAX, EXPONENT_MAX, TILE_HIGH, TILE_WIDE, TRANSMITTANCE_MIN
from .numba_runtime import claim, kernel

F, U = np.float32, np.uintp
ZERO, HALF, ONE = F(0), F(0.5), F(1)
E0, E1, E2, E3, E4, E5 = (F(0.99999992), F(-0.99999241), F(0.49988128), F(-0.16596903), F(0.03976483), F(-0.00584249))
HIT, TOP, STOP = F(EXPONENT_MAX / 8.0), F(ALPHA_MAX), F(TRANSMITTANCE_MIN)
# planes of the scratch buffer: transmittance, r, g, b, x and y in the tile, weight, median depth, further channels
PIXELS = U(TILE_WIDE * TILE_HIGH)
LANES = 16  # of a vector
STEP = LANES // TILE_WIDE  # rows come in whole vectors
LOOK = 7  # every eighth splat asks which pixels are still live: of 1, 3, 7 and 15 the fastest
T_, R_, G_, B_, X_, Y_, W_, M_, C_ = (U(TILE_WIDE * TILE_HIGH * k) for k in range(9))  # planes


@kernel(inline="always")
def blend(s, lo, hi, p, q, d, ku, kv, k, r, g, b):
    """One splat onto pixels lo..hi of the tile."""
    for i in range(lo, hi):
        yt = p * s[X_ + i] + (q * s[Y_ + i] + ku)
        yw = d * s[Y_ + i] + kv
        x = yt * yt + (yw * yw + k)
        e = min(x, HIT)
        e = E0 + e * (E1 + e * (E2 + e * (E3 + e * (E4 + e * E5))))
        e = e * e
        e = e * e
        alpha = min(e * e, TOP) if x <= HIT else ZERO
        t = s[T_ + i]
        weight = alpha * max(t, ZERO)
        after = t - weight
        s[T_ + i] = after if after > STOP else -abs(after)
        s[R_ + i] += weight * r
        s[G_ + i] += weight * g
        s[B_ + i] += weight * b


@kernel(inline="always")
def blend_wide(s, lo, hi, p, q, d, ku, kv, k, r, g, b, z):
    """As `blend`, and keeps the weights and the median depth (z where transmittance falls below one half)."""
    for i in range(lo, hi):
        yt = p * s[X_ + i] + (q * s[Y_ + i] + ku)
        yw = d * s[Y_ + i] + kv
        x = yt * yt + (yw * yw + k)
        e = min(x, HIT)
        e = E0 + e * (E1 + e * (E2 + e * (E3 + e * (E4 + e * E5))))
        e = e * e
        e = e * e
        alpha = min(e * e, TOP) if x <= HIT else ZERO
        t = s[T_ + i]
        weight = alpha * max(t, ZERO)
        after = t - weight
        s[M_ + i] = z if (t >= HALF) & (after < HALF) else s[M_ + i]
        s[T_ + i] = after if after > STOP else -abs(after)
        s[R_ + i] += weight * r
        s[G_ + i] += weight * g
        s[B_ + i] += weight * b
        s[W_ + i] = weight


@kernel(inline="always")
def accumulate(s, lo, hi, plane, value):
    """plane += weight * value."""
    for i in range(lo, hi):
        s[plane + i] += s[W_ + i] * value


@kernel(inline="always")
def is_live(s, lo):
    """Whether one of the vector of pixels that begins at lo still takes light."""
    total = ZERO
    for i in range(lo, lo + U(LANES)):
        total += ONE if s[T_ + i] > ZERO else ZERO
    return total > ZERO


@kernel(inline="always")
def live_pixels(s, lo, hi):
    """Shrink the pixels lo..hi of the tile to those between its first and its last vector that take light."""
    while lo < hi and not is_live(s, lo):
        lo += U(LANES)
    while lo < hi and not is_live(s, hi - U(LANES)):
        hi -= U(LANES)
    return lo, hi


@kernel(inline="always")
def rows_of(pair):
    """The pixels lo..hi of the tile that a pair visits."""
    return U((pair & 255) // STEP * STEP * TILE_WIDE), U(((pair >> 8) + STEP - 1) // STEP * STEP * TILE_WIDE)


@kernel()
def open_tile(s, wide, high):
    """Clean planes (all but x and y); pixels outside the wide x high inside of the tile start stopped."""
    for i in range(U(0), PIXELS):
        s[T_ + i] = ONE
    for i in range(R_, X_):
        s[i] = ZERO
    for i in range(W_, U(s.shape[0])):
        s[i] = ZERO
    if wide < TILE_WIDE or high < TILE_HIGH:
        for i in range(U(0), PIXELS):
            s[T_ + i] = ONE if (s[X_ + i] < F(wide)) & (s[Y_ + i] < F(high)) else -ONE


@kernel()
def close_tile(s, left, top, wide, first, end, background, color, trans, channels, median):
    """Scratch -> pictures, the tile's rows first..end."""
    r, g, b = background[0], background[1], background[2]
    for y in range(U(first), U(end)):
        for x in range(U(wide)):
            i = y * U(TILE_WIDE) + x
            u, v = U(left) + x, U(top) + y
            t = abs(s[T_ + i])
            trans[v, u] = t
            color[v, u, 0] = s[R_ + i] + t * r
            color[v, u, 1] = s[G_ + i] + t * g
            color[v, u, 2] = s[B_ + i] + t * b
    if channels.shape[2] > 0:
        for y in range(first, end):
            for x in range(wide):
                i = U(y * TILE_WIDE + x)
                median[top + y, left + x] = s[M_ + i]
                for c in range(channels.shape[2]):
                    channels[top + y, left + x, c] = s[C_ + U(c) * PIXELS + i]


@kernel()
def fill_tile(s, pairs, splats, features, left, top, rows):
    """All splats of one tile's list onto its rows, coded as a pair's, until every pixel has stopped. Rows that have
    stopped are not visited: a splat changes nothing in them."""
    further = features.shape[1]
    live_lo, live_hi = rows_of(rows)  # made here: the compiler must see that they are whole vectors
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
        if further == 0:
            blend(s, lo, hi, p, q, d, p * du + q * dv, d * dv, k, r, g, b)
        else:
            blend_wide(s, lo, hi, p, q, d, p * du + q * dv, d * dv, k, r, g, b, a[9])
            for c in range(further):
                accumulate(s, lo, hi, C_ + U(c) * PIXELS, features[pairs[j, 0], c])


@kernel(parallel=True)
def rasterize_tiles(
    splats, starts, pairs, wanted, features, background, tiles_x, workers, color, trans, channels, median
):
    """Blend of every tile the rows wanted int32 [tiles], coded as a pair's; the other pixels stay.

    splats [V,16], of which pairs[:,0] are rows, features [V,X] further channels (X = 0: neither those nor the median
    is made);
    color [H,W,3] with background, trans [H,W] transmittance, channels [H,W,X] not divided by alpha, median [H,W].
    """
    height, width = trans.shape
    tiles, counter = starts.shape[0] - 1, np.zeros(1, np.int64)
    for _ in prange(workers):
        s = np.empty(TILE_WIDE * TILE_HIGH * (8 + features.shape[1]), np.float32)
        for i in range(TILE_WIDE * TILE_HIGH):
            s[X_ + U(i)], s[Y_ + U(i)] = F(i % TILE_WIDE), F(i // TILE_WIDE)
        tile = claim(counter)
        while tile < tiles:
            if wanted[tile] > 0:
                left, top = (tile % tiles_x) * TILE_WIDE, (tile // tiles_x) * TILE_HIGH
                wide, high = min(TILE_WIDE, width - left), min(TILE_HIGH, height - top)
                first, end = wanted[tile] & 255, min(high, wanted[tile] >> 8)
                open_tile(s, wide, high)
                fill_tile(s, pairs[starts[tile] : starts[tile + 1]], splats, features, left, top, wanted[tile])
                close_tile(s, left, top, wide, first, end, background, color, trans, channels, median)
            tile = claim(counter)
