# SPDX-License-Identifier: GPL-3.0-or-later
"""Splats -> depth order -> one depth-ordered list a tile: a radix sort and a counting sort, no (tile, depth) keys.

Rank: position of a visible splat in depth order (front first; equal depths keep the table's order).
Pair: one (splat, tile) that meet, as int32 (rank, slot, rows): `slot` is the row of backward's buffer that is the
pair's own (all slots of a Gaussian are neighbours), `rows` the rows of the tile that the splat's ellipse reaches,
first + 256 * end. Rows come from the ellipse inside each column of tiles, not from its rectangle: a quarter of all
pixel evaluations saved.
"""

import math

import numpy as np
from numba import prange

from .constants import EXPONENT_MAX, TILE_HIGH, TILE_WIDE
from .numba_runtime import kernel

F, U32 = np.float32, np.uint32
ZERO, HALF = F(0), F(0.5)
RADIX, DIGIT = 2048, U32(2047)
HIT, SLACK = F(EXPONENT_MAX / 8.0), F(1.0005)
LAST_PIXEL = F(TILE_WIDE - 1)


@kernel()
def depth_order(table, tiles):
    """Indices int32 [V] of the visible splats, front to back; stable. Depths are sorted by their bits (3 x 11)."""
    n = tiles.shape[0]
    depth_bits = table.view(np.uint32)
    visible = 0
    keys, order = np.empty(n, np.uint32), np.empty(n, np.int32)
    counts = np.zeros((3, RADIX), np.int32)
    for i in range(n):
        if tiles[i] > 0:
            bits = depth_bits[i, 9]
            # positive floats sort as integers; negative ones (an orthographic camera may see them) the other way round
            bits = ~bits if bits >> U32(31) else bits | U32(0x80000000)
            keys[visible], order[visible] = bits, i
            visible += 1
            counts[0, bits & DIGIT] += 1
            counts[1, (bits >> U32(11)) & DIGIT] += 1
            counts[2, bits >> U32(22)] += 1
    keys, order = keys[:visible], order[:visible]
    other_keys, other_order = np.empty(visible, np.uint32), np.empty(visible, np.int32)
    for digit in range(3):
        count, total = counts[digit], 0
        for k in range(RADIX):
            count[k], total = total, total + count[k]
        shift = U32(11 * digit)
        for j in range(visible):
            k = (keys[j] >> shift) & DIGIT
            to = count[k]
            other_keys[to], other_order[to] = keys[j], order[j]
            count[k] = to + 1
        keys, other_keys, order, other_order = other_keys, keys, other_order, order
    return order


@kernel()
def first_slots(tiles):
    """first int64 [N+1]: where each Gaussian's slots begin."""
    first = np.empty(tiles.shape[0] + 1, np.int64)
    total = 0
    for i in range(tiles.shape[0]):
        first[i] = total
        total += tiles[i]
    first[tiles.shape[0]] = total
    return first


@kernel()
def edge_row(p, q, d, m, x, top, sign):
    """How far down (sign 1) or up (-1) the ellipse |A (x, y)|^2 <= m reaches on the vertical line x; 0, False if not."""
    qd = q * q + d * d
    inside = p * p * q * q * x * x - qd * (p * p * x * x - m)
    if inside < ZERO:
        return ZERO, False
    return (sign * math.sqrt(inside) - p * q * x) / qd, True


@kernel()
def rows_in_column(a, x0):
    """Pixel rows (first, end) that the splat's ellipse reaches in the tile column whose first pixel is x0."""
    p, q, d = a[2], a[3], a[4]
    m = SLACK * (HIT - a[5])
    near, top = x0 + HALF - a[0], math.sqrt(m) / d
    far, lean = near + LAST_PIXEL, -q / p * top  # the ellipse's lowest point is (lean, top), its highest (-lean, -top)
    down, up, meets = top, -top, True
    if lean < near:
        down, meets = edge_row(p, q, d, m, near, top, F(1))
    elif lean > far:
        down, meets = edge_row(p, q, d, m, far, top, F(1))
    if not meets:
        return 0, 0
    if -lean < near:
        up, meets = edge_row(p, q, d, m, near, top, F(-1))
    elif -lean > far:
        up, meets = edge_row(p, q, d, m, far, top, F(-1))
    if not meets:
        return 0, 0
    return (int(max(a[11], np.ceil(a[1] + up - HALF))), int(min(a[13], np.floor(a[1] + down + HALF))))


@kernel()
def meet(a, slot, tiles_x, met, count):
    """Write the (tile, rows) of a splat's pairs from met[slot] on, count them a tile; the slot after the last."""
    x0, x1 = int(a[10]) // TILE_WIDE, (int(a[12]) + TILE_WIDE - 1) // TILE_WIDE
    for x in range(x0, x1):
        first, end = int(a[11]), int(a[13])
        if x1 - x0 > 1:
            first, end = rows_in_column(a, F(x * TILE_WIDE))
        if first < end:
            for y in range(first // TILE_HIGH, (end + TILE_HIGH - 1) // TILE_HIGH):
                top = y * TILE_HIGH
                met[slot, 0] = y * tiles_x + x
                met[slot, 1] = max(first - top, 0) + 256 * min(end - top, TILE_HIGH)
                count[y * tiles_x + x] += 1
                slot += 1
    return slot


@kernel(parallel=True)
def tile_lists(table, order, first, tiles_x, tiles_y, workers, ends, splats):
    """starts int64 [tiles+1] and pairs int32 [P,3]: tile t lists pairs[starts[t]:starts[t+1]], front to back.

    Fills splats [V,16], the table's rows in depth order, and ends int64 [N] of the visible: where a Gaussian's slots
    end. Each worker takes a run of ranks, counts its pairs a tile and, after one scan, scatters them; the outcome does
    not depend on the number of workers.
    """
    many = order.shape[0]
    count = np.zeros((workers, tiles_x * tiles_y), np.int64)
    met = np.empty((first[first.shape[0] - 1], 2), np.int32)
    for w in prange(workers):
        for rank in range(many * w // workers, many * (w + 1) // workers):
            i = order[rank]
            for k in range(table.shape[1]):
                splats[rank, k] = table[i, k]
            ends[i] = meet(splats[rank], first[i], tiles_x, met, count[w])
    starts = np.empty(tiles_x * tiles_y + 1, np.int64)
    total = 0
    for tile in range(tiles_x * tiles_y):
        starts[tile] = total
        for w in range(workers):
            count[w, tile], total = total, total + count[w, tile]
    starts[tiles_x * tiles_y] = total
    pairs = np.empty((total, 3), np.int32)
    for w in prange(workers):
        place = count[w]
        for rank in range(many * w // workers, many * (w + 1) // workers):
            i = order[rank]
            for slot in range(first[i], ends[i]):
                tile = met[slot, 0]
                to = place[tile]
                pairs[to, 0], pairs[to, 1], pairs[to, 2] = rank, slot, met[slot, 1]
                place[tile] = to + 1
    return starts, pairs
