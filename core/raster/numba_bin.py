# SPDX-License-Identifier: GPL-3.0-or-later
"""Splats -> depth order -> one depth-ordered list a tile: a radix sort and a counting sort, no (tile, depth) keys.

Ranks: position of a visible splat in depth order (front first; equal depths keep the table's order).
Pairs: one (tile, splat) each. A splat's pairs own contiguous slots `first[rank] .. first[rank+1]`, tile rows first.
"""

import numpy as np
from numba import prange

from .numba_runtime import kernel

RADIX = 2048
U32 = np.uint32


@kernel()
def depth_order(splats, tiles):
    """Indices int32 [V] of the visible splats, front to back; stable. Depths are sorted by their bits (3 x 11)."""
    n = tiles.shape[0]
    depth_bits = splats.view(np.uint32)
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
            counts[0, bits & U32(2047)] += 1
            counts[1, (bits >> U32(11)) & U32(2047)] += 1
            counts[2, bits >> U32(22)] += 1
    keys, order = keys[:visible], order[:visible]
    other_keys, other_order = np.empty(visible, np.uint32), np.empty(visible, np.int32)
    for digit in range(3):
        count, total = counts[digit], 0
        for k in range(RADIX):
            count[k], total = total, total + count[k]
        shift = U32(11 * digit)
        for j in range(visible):
            k = (keys[j] >> shift) & U32(2047)
            to = count[k]
            other_keys[to], other_order[to] = keys[j], order[j]
            count[k] = to + 1
        keys, other_keys, order, other_order = other_keys, keys, other_order, order
    return order


@kernel()
def first_slots(order, tiles):
    """first int64 [V+1]: where each rank's pairs begin."""
    first = np.empty(order.shape[0] + 1, np.int64)
    total = 0
    for rank in range(order.shape[0]):
        first[rank] = total
        total += tiles[order[rank]]
    first[order.shape[0]] = total
    return first


@kernel(parallel=True)
def gather(rows, order, out):
    """out[j] = rows[order[j]] for float32 rows."""
    for j in prange(order.shape[0]):
        out[j] = rows[order[j]]


@kernel()
def tile_box(splat):
    """First and last-exclusive tile column and row of a splat."""
    return (int(splat[10]) >> 4, (int(splat[12]) + 15) >> 4, int(splat[11]) >> 4, (int(splat[13]) + 15) >> 4)


@kernel(parallel=True)
def tile_lists(ordered, first, tiles_x, tiles_y, workers):
    """starts int64 [tiles+1] and ranks int32 [pairs]: tile t lists ranks[starts[t]:starts[t+1]], ascending.

    Each worker takes a contiguous run of ranks with about equally many pairs, counts it, and after one scan scatters
    it; the outcome does not depend on the number of workers.
    """
    count = ordered.shape[0]
    pairs = first[count]
    cuts = np.empty(workers + 1, np.int64)
    for w in range(workers + 1):
        cuts[w] = np.searchsorted(first, pairs * w // workers)
    cuts[0], cuts[workers] = 0, count
    table = np.zeros((workers, tiles_x * tiles_y), np.int64)
    for w in prange(workers):
        mine = table[w]
        for rank in range(cuts[w], cuts[w + 1]):
            x0, x1, y0, y1 = tile_box(ordered[rank])
            for y in range(y0, y1):
                for tile in range(y * tiles_x + x0, y * tiles_x + x1):
                    mine[tile] += 1
    starts = np.empty(tiles_x * tiles_y + 1, np.int64)
    total = 0
    for tile in range(tiles_x * tiles_y):
        starts[tile] = total
        for w in range(workers):
            table[w, tile], total = total, total + table[w, tile]
    starts[tiles_x * tiles_y] = total
    ranks = np.empty(pairs, np.int32)
    for w in prange(workers):
        mine = table[w]
        for rank in range(cuts[w], cuts[w + 1]):
            x0, x1, y0, y1 = tile_box(ordered[rank])
            for y in range(y0, y1):
                for tile in range(y * tiles_x + x0, y * tiles_x + x1):
                    ranks[mine[tile]] = rank
                    mine[tile] += 1
    return starts, ranks
