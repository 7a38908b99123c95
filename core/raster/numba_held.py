# SPDX-License-Identifier: GPL-3.0-or-later
"""What a held camera needs beside the kernels of a picture: which Gaussians differ from the frame before, and the lists
of the tiles with only those exchanged.

List: int32 [P,3] (Gaussian, depth key, rows), a tile's entries front to back; equal depths keep the Gaussians' order. The
key is that of numba_bin.depth_order, rows are those of its pairs.
"""

import numpy as np
from numba import prange

from .numba_runtime import claim, kernel

U32, U64 = np.uint32, np.uint64
EXPONENT = U32(0x7F800000)  # all its bits are set in NaN and infinity
CHUNK = 1024


@kernel(inline="always")
def take_row(now, before, i):
    """Whether row i differs, which is then copied, and whether it holds NaN or infinity."""
    differs = U32(0)
    for k in range(now.shape[1]):
        differs |= now[i, k] ^ before[i, k]
    wrong = False
    if differs != U32(0):
        for k in range(now.shape[1]):
            before[i, k] = now[i, k]
            wrong |= (now[i, k] & EXPONENT) == EXPONENT
    return differs != U32(0), wrong


@kernel(parallel=True)
def take_changes(now, before, changed, workers):
    """Copy what differs from `now` to `before`, two tuples of the Gaussians' columns uint32 [N,any]; bits are compared.

    Sets changed bool [N] where a row of any column differs; returns whether such a row holds NaN or infinity.
    """
    n, counter, wrong = changed.shape[0], np.zeros(1, np.int64), np.zeros(workers, np.bool_)
    for w in prange(workers):
        start = claim(counter) * CHUNK
        while start < n:
            for c in range(len(now)):
                for i in range(start, min(n, start + CHUNK)):
                    differs, unfit = take_row(now[c], before[c], i)
                    changed[i] |= differs
                    wrong[w] |= unfit
            start = claim(counter) * CHUNK
    return wrong.any()


@kernel()
def place_lists(starts, entries, new_starts, changed, wanted):
    """starts int64 [tiles+1] of the lists without the changed Gaussians and with the new pairs; sets wanted bool [tiles]
    where that is another list."""
    tiles = wanted.shape[0]
    placed, total = np.empty(tiles + 1, np.int64), 0
    for tile in range(tiles):
        placed[tile] = total
        gone, come = 0, new_starts[tile + 1] - new_starts[tile]
        for j in range(starts[tile], starts[tile + 1]):
            gone += np.int64(changed[entries[j, 0]])
        wanted[tile] = gone + come > 0
        total += starts[tile + 1] - starts[tile] - gone + come
    placed[tiles] = total
    return placed


@kernel()
def copy_list(entries, lo, hi, merged, to):
    """merged[to:] = entries[lo:hi]."""
    for j in range(lo, hi):
        for k in range(3):
            merged[to, k] = entries[j, k]
        to += 1


@kernel()
def merge_list(entries, a, a_end, pairs, b, b_end, order, keys, changed, merged, to):
    """merged[to:] = entries[a:a_end] without the changed Gaussians, and pairs[b:b_end] among them, front to back."""
    while True:
        while a < a_end and changed[entries[a, 0]]:
            a += 1
        if a == a_end and b == b_end:
            return
        rank = pairs[b, 0] if b < b_end else 0
        mine = (U64(U32(entries[a, 1])) << U64(32)) | U64(entries[a, 0]) if a < a_end else U64(0)
        other = (U64(keys[rank]) << U64(32)) | U64(order[rank]) if b < b_end else U64(0)
        if b == b_end or (a < a_end and mine < other):
            for k in range(3):
                merged[to, k] = entries[a, k]
            a += 1
        else:
            merged[to, 0], merged[to, 1], merged[to, 2] = order[rank], np.int32(keys[rank]), pairs[b, 2]
            b += 1
        to += 1


@kernel(parallel=True)
def merge_lists(starts, entries, new_starts, pairs, order, keys, changed, wanted, placed, workers, merged):
    """Fill `merged`, the lists that begin at `placed`, from the lists before and from the pairs of the changed Gaussians
    (numba_bin.tile_lists) whose ranks are those of order and keys."""
    tiles, counter = wanted.shape[0], np.zeros(1, np.int64)
    for _ in prange(workers):
        tile = claim(counter)
        while tile < tiles:
            a, a_end, to = starts[tile], starts[tile + 1], placed[tile]
            if wanted[tile]:
                b, b_end = new_starts[tile], new_starts[tile + 1]
                merge_list(entries, a, a_end, pairs, b, b_end, order, keys, changed, merged, to)
            else:
                copy_list(entries, a, a_end, merged, to)
            tile = claim(counter)
