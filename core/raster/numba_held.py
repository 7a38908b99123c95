# SPDX-License-Identifier: GPL-3.0-or-later
"""What a held camera needs beside the kernels of a picture: which Gaussians differ from the frame before, and the lists
of the tiles with only those exchanged.

Entries: int32 [P,3] (Gaussian, depth key, rows), tile by tile, front to back; equal depths keep the Gaussians' order.
The key is that of numba_bin.depth_order, the rows are those of its pairs.
"""

import numpy as np
from numba import prange

from .numba_runtime import claim, kernel

U, U32, U64 = np.uintp, np.uint32, np.uint64
EXPONENT = U32(0x7F800000)  # all its bits are set in NaN and infinity
CHUNK = 1024


@kernel()
def differ(now, before, lo, hi):
    """Whether now[lo:hi] is not before[lo:hi], bit by bit."""
    differs = U32(0)
    for j in range(U(lo), U(hi)):
        differs |= now[j] ^ before[j]
    return differs != U32(0)


@kernel()
def take(now, before, lo, hi):
    """before[lo:hi] = now[lo:hi]; how many of these float32 are NaN or infinite."""
    wrong = 0
    for j in range(U(lo), U(hi)):
        before[j] = now[j]
        wrong += np.int64((now[j] & EXPONENT) == EXPONENT)
    return wrong


@kernel()
def mark_rows(now, before, start, end, width, changed):
    """changed[i] of the Gaussians start..end, whose rows are `width` numbers, where the row differs."""
    for i in range(U(start), U(end)):
        differs = U32(0)
        for j in range(i * U(width), (i + U(1)) * U(width)):
            differs |= now[j] ^ before[j]
        changed[i] |= differs != U32(0)


@kernel(parallel=True)
def take_changes(now, before, changed, workers):
    """Copy `now` to `before`, two tuples of the Gaussians' columns, flat uint32 [N * any]; bits are compared.

    Sets changed bool [N] where a row of any column differs; returns whether such a row holds NaN or infinity.
    """
    n, counter, wrong = changed.shape[0], np.zeros(1, np.int64), np.zeros(workers, np.int64)
    for w in prange(workers):
        start = claim(counter) * CHUNK
        while start < n:
            end = min(n, start + CHUNK)
            for c in range(len(now)):
                mine, other = now[c], before[c]
                width = mine.shape[0] // n
                if differ(mine, other, start * width, end * width):
                    mark_rows(mine, other, start, end, width, changed)
                    wrong[w] += take(mine, other, start * width, end * width)
            start = claim(counter) * CHUNK
    return wrong.sum() > 0


@kernel()
def place_lists(starts, entries, new_starts, changed, wanted):
    """starts int64 [tiles+1] of the lists without the changed Gaussians' entries and with their new pairs; sets wanted
    bool [tiles] where that is another list."""
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
    """Fill `merged`, the lists that begin at `placed`, from the lists before and the changed Gaussians' pairs of
    numba_bin.tile_lists, whose ranks are those of order and keys."""
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
