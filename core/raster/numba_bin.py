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
ZERO, HALF, ONE = F(0), F(0.5), F(1)
FIELDS = 16  # of a splat
DIGIT_BITS = 12
RADIX, DIGIT = 1 << DIGIT_BITS, U32((1 << DIGIT_BITS) - 1)
HIT, SLACK = F(EXPONENT_MAX / 8.0), F(1.0005)
LAST_PIXEL = F(TILE_WIDE - 1)
WIDE, HIGH = U32(TILE_WIDE.bit_length() - 1), U32(TILE_HIGH.bit_length() - 1)  # shifts
WIDE_REST, HIGH_REST = U32(TILE_WIDE - 1), U32(TILE_HIGH - 1)
NONE, ALL = np.int32(0), np.int32(TILE_HIGH)
ALL_ROWS = TILE_HIGH << 8


@kernel()
def depth_order(table, tiles):
    """Indices int32 [V] of the splats where tiles > 0, front to back, stable, and their keys uint32 [V]: what sorts as
    the depths do, made of their bits. As many digits are sorted as the keys' range has: a head's has two."""
    n = tiles.shape[0]
    depth_bits = table.view(np.uint32)
    visible, lowest, highest = 0, U32(0xFFFFFFFF), U32(0)
    keys, order = np.empty(n, np.uint32), np.empty(n, np.int32)
    for i in range(n):
        if tiles[i] > 0:
            bits = depth_bits[i, 9]
            # positive floats sort as integers; negative ones (an orthographic camera may see them) the other way round
            bits = ~bits if bits >> U32(31) else bits | U32(0x80000000)
            keys[visible], order[visible] = bits, i
            visible += 1
            lowest, highest = min(lowest, bits), max(highest, bits)
    keys, order = keys[:visible], order[:visible]
    other_keys, other_order = np.empty(visible, np.uint32), np.empty(visible, np.int32)
    for digit in range(3):
        shift = U32(DIGIT_BITS * digit)
        if digit > 0 and (highest - lowest) >> shift == U32(0):
            break
        count, total = np.zeros(RADIX, np.int32), 0
        for j in range(visible):
            count[((keys[j] - lowest) >> shift) & DIGIT] += 1
        for k in range(RADIX):
            count[k], total = total, total + count[k]
        for j in range(visible):
            k = ((keys[j] - lowest) >> shift) & DIGIT
            to = count[k]
            other_keys[to], other_order[to] = keys[j], order[j]
            count[k] = to + 1
        keys, other_keys, order, other_order = other_keys, keys, other_order, order
    return order, keys


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
def intersect_tiles(splats, rank, slot, tiles_x, hits, to, count):
    """Write a splat's (tile, rank, slot, rows) from hits[to] on, count them a tile; the place after the last.

    In a column of tiles the ellipse |A (x, y)|^2 <= m reaches furthest down at its lowest point or, where that is
    outside, on the column's nearer edge: at x clipped to the column, y solves the quadratic (q^2 + d^2) y^2 + 2 p q x y
    + p^2 x^2 = m. Both ends are computed without a branch.
    """
    a = splats[rank]
    p, q, d = a[2], a[3], a[4]
    m, qd, pd, pq = SLACK * (HIT - a[5]), q * q + d * d, p * d, p * q
    lean, over, reach = -q / pd * math.sqrt(m), ONE / qd, qd * m
    middle, high, low = a[1], a[11], a[13]
    x0, x1 = np.uint32(a[10]) >> WIDE, (np.uint32(a[12]) + WIDE_REST) >> WIDE
    near = F(x0 << WIDE) + HALF - a[0]
    for x in range(x0, x1):
        far = near + LAST_PIXEL
        xd, xu = min(max(lean, near), far), min(max(-lean, near), far)
        near += LAST_PIXEL + ONE
        down, up = reach - (pd * xd) * (pd * xd), reach - (pd * xu) * (pd * xu)
        meets = min(down, up) >= ZERO
        down = (math.sqrt(max(down, ZERO)) - pq * xd) * over
        up = (-math.sqrt(max(up, ZERO)) - pq * xu) * over
        first, end = max(high, np.ceil(middle + up - HALF)), min(low, np.floor(middle + down + HALF))
        if meets and first < end:
            first, end = np.int32(first), np.int32(end)
            for y in range(np.uint32(first) >> HIGH, (np.uint32(end) + HIGH_REST) >> HIGH):
                top, tile = np.int32(y << HIGH), y * tiles_x + x
                hits[to, 0], hits[to, 1], hits[to, 2] = tile, rank, slot
                hits[to, 3] = max(first - top, NONE) + (min(end - top, ALL) << np.int32(8))
                count[tile] += 1
                slot += np.int32(1)
                to += np.uintp(1)
    return to


@kernel()
def worker_shares(order, tiles, workers):
    """(cut, space) int64 [workers+1]: each worker's run of ranks, and where its own space for hits begins."""
    cut, space = np.empty(workers + 1, np.int64), np.zeros(workers + 1, np.int64)
    for w in range(workers + 1):
        cut[w] = order.shape[0] * w // workers
    for w in range(workers):
        space[w + 1] = space[w]
        for rank in range(cut[w], cut[w + 1]):
            space[w + 1] += tiles[order[rank]]
    return cut, space


@kernel()
def scan(count):
    """starts int64 [tiles+1] of the lists; count int64 [workers,tiles] becomes each worker's place in them."""
    workers, tiles = count.shape
    starts, total = np.empty(tiles + 1, np.int64), 0
    for tile in range(tiles):
        starts[tile] = total
        for w in range(workers):
            count[w, tile], total = total, total + count[w, tile]
    starts[tiles] = total
    return starts


@kernel(parallel=True)
def tile_lists(table, order, tiles, first, tiles_x, tiles_y, workers, ends, splats, hits, pairs):
    """starts int64 [tiles+1]: tile t lists pairs[starts[t]:starts[t+1]], front to back.

    Fills pairs int32 [P,3] as far as needed (hits int32 [P,4] is work space), splats [V,16], the table's rows in depth
    order, and ends int64 [N] of the visible: where a Gaussian's slots end. Each worker takes a run of ranks, lists its
    pairs in its own space, counts them a tile and, after one scan, scatters them; the outcome does not depend on the
    number of workers. Copying comes before intersecting, so that cache misses overlap instead of waiting for
    each other's branches.
    """
    cut, space = worker_shares(order, tiles, workers)
    count, used = np.zeros((workers, tiles_x * tiles_y), np.int64), np.empty(workers, np.int64)
    for w in prange(workers):
        mine, to = count[w], np.uintp(space[w])
        for rank in range(cut[w], cut[w + 1]):
            i = order[rank]
            for k in range(FIELDS):
                splats[rank, k] = table[i, k]
        for rank in range(cut[w], cut[w + 1]):
            after = intersect_tiles(splats, rank, np.int32(first[order[rank]]), U32(tiles_x), hits, to, mine)
            ends[order[rank]] = first[order[rank]] + np.int64(after - to)
            to = after
        used[w] = to
    starts = scan(count)
    for w in prange(workers):
        place = count[w]
        for j in range(np.uintp(space[w]), np.uintp(used[w])):
            tile = hits[j, 0]
            to = place[tile]
            place[tile] = to + 1
            pairs[to, 0], pairs[to, 1], pairs[to, 2] = hits[j, 1], hits[j, 2], hits[j, 3]
    return starts
