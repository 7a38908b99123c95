# SPDX-License-Identifier: GPL-3.0-or-later
"""What a held camera needs beside the kernels of a picture: which Gaussians differ from the frame before, and the lists
of the tiles with only those exchanged.

Entries: int32 [P,3] (Gaussian, depth key, rows), tile by tile, front to back; equal depths keep the Gaussians' order.
The key is that of numba_bin.depth_order, the rows are those of its pairs.
"""

import numpy as np
from numba import prange

from .numba_bin import ALL, NONE
from .numba_runtime import claim, kernel

U, U32, U64 = np.uintp, np.uint32, np.uint64
EXPONENT = U32(0x7F800000)  # all its bits are set in NaN and infinity
LOW, BYTE = np.int32(255), np.int32(8)  # of coded rows
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


@kernel(parallel=True)
def count_entries(lists, new_lists, order, keys, changed, workers, counts, wanted):
    """counts int64 [tiles] of the lists without the changed Gaussians' entries and with their new ones; wanted int32
    [tiles]: the rows from the first to the last that one of those reaches, coded as a pair's, 0 where there is none.

    Lists: (starts, entries); the new ones come as pairs of numba_bin.tile_lists, whose ranks are those of order and
    keys, and become entries here.
    """
    starts, entries = lists
    new_starts, pairs = new_lists
    tiles, counter = wanted.shape[0], np.zeros(1, np.int64)
    for _ in prange(workers):
        tile = claim(counter)
        while tile < tiles:
            come, kept, first, end = new_starts[tile + 1] - new_starts[tile], 0, ALL, NONE
            for j in range(starts[tile], starts[tile + 1]):
                rows, stays = entries[j, 2], not changed[entries[j, 0]]
                kept += np.int64(stays)
                first = min(first, ALL if stays else rows & LOW)
                end = max(end, NONE if stays else rows >> BYTE)
            for j in range(new_starts[tile], new_starts[tile + 1]):
                first, end = min(first, pairs[j, 2] & LOW), max(end, pairs[j, 2] >> BYTE)
                rank = pairs[j, 0]
                pairs[j, 0], pairs[j, 1] = order[rank], np.int32(keys[rank])
            counts[tile] = kept + come
            wanted[tile] = first + (end << BYTE) if first < end else NONE
            tile = claim(counter)


@kernel()
def keep_entries(entries, lo, changed, merged, to, end):
    """merged[to:end] = the first entries from lo on that are not of changed Gaussians. Without a branch on which those
    are, because a processor guesses every third wrong."""
    j = U(lo)
    while to < end:
        i = entries[j, 0]
        merged[to, 0], merged[to, 1], merged[to, 2] = i, entries[j, 1], entries[j, 2]
        to += U(not changed[i])
        j += U(1)


@kernel(inline="always")
def place(key, i):
    """What the lists are sorted by."""
    return (U64(U32(key)) << U64(32)) | U64(i)


@kernel()
def merge_list(merged, to, a, end, new, b, b_end):
    """merged[to:end] = merged[a:end] and new[b:b_end], of which there are a - to, front to back. Without a branch on
    which comes first; no entry is overwritten before it is read."""
    while (a < end) & (b < b_end):
        stays = place(merged[a, 1], merged[a, 0]) < place(new[b, 1], new[b, 0])
        for k in range(3):
            mine, other = merged[a, k], new[b, k]
            merged[to, k] = mine if stays else other
        a, b, to = a + U(stays), b + U(not stays), to + U(1)
    while b < b_end:
        for k in range(3):
            merged[to, k] = new[b, k]
        b, to = b + U(1), to + U(1)


@kernel(parallel=True)
def merge_lists(lists, new_lists, changed, workers, placed, merged):
    """Fill `merged`, the lists that begin at `placed`, from `lists`, those before, and `new_lists`, the changed
    Gaussians' as count_entries leaves them; both are (starts, entries)."""
    starts, entries = lists
    new_starts, new = new_lists
    tiles, counter = placed.shape[0] - 1, np.zeros(1, np.int64)
    for _ in prange(workers):
        tile = claim(counter)
        while tile < tiles:
            to, end, b, b_end = U(placed[tile]), U(placed[tile + 1]), U(new_starts[tile]), U(new_starts[tile + 1])
            kept = to + (b_end - b)
            keep_entries(entries, starts[tile], changed, merged, kept, end)
            merge_list(merged, to, kept, end, new, b, b_end)
            tile = claim(counter)
