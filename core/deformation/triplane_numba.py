# SPDX-License-Identifier: GPL-3.0-or-later
"""The tri-plane's CPU kernels: forward, gradient of the tables, gradient of the positions. No torch here.

Forward and position gradient run parallel over chunks of 512 points (the chunk's rows stay in cache, plane and
level loops outside the point loop); the table gradient runs parallel over (plane, level), each owning its slice.

Letters: N points, L levels, T rows of a plane's table; (i, j) the cell, (u, v) the place within it, 0..1.
"""

import numpy as np
from numba import njit, prange

from ..compiling import cached_njit

CHUNK = 512
HALF = np.float32(0.5)
ONE = np.float32(1.0)
ZERO = np.float32(0.0)


@njit(inline="always")
def _inside(x, y):
    # Written so that NaN is outside; hence no kernel here may assume that there is none (fastmath's nnan).
    return (x >= ZERO) and (x <= ONE) and (y >= ZERO) and (y <= ONE)


@njit(inline="always")
def _axes(plane):
    # The columns of x01 that a plane reads: xy, yz, xz.
    return (1 if plane == 1 else 0), (1 if plane == 0 else 2)


@njit(inline="always")
def _cell(x, y, scale, stride, base):
    # Row of the cell's first node, and the place (u, v) within the cell.
    x, y = x * scale + HALF, y * scale + HALF
    i, j = np.int64(x), np.int64(y)  # floor: both are positive
    return base + i + j * stride, x - np.float32(i), y - np.float32(j)


@cached_njit(parallel=True, fastmath={"contract", "arcp"}, nogil=True)
def encode_forward(x01, tables, scale, nodes, first, out):
    """x01 [N,3], tables [3,T], scale nodes first [L] -> out [N,3L], float32."""
    n, levels = x01.shape[0], scale.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        start, stop = chunk * CHUNK, min(n, chunk * CHUNK + CHUNK)
        for plane in range(3):
            a, b = _axes(plane)
            for level in range(levels):
                s, stride, base = scale[level], nodes[level], first[level]
                column = plane * levels + level
                for p in range(start, stop):
                    x, y = x01[p, a], x01[p, b]
                    if not _inside(x, y):
                        out[p, column] = ZERO
                        continue
                    row, u, v = _cell(x, y, s, stride, base)
                    low = tables[plane, row] * (ONE - u) + tables[plane, row + 1] * u
                    high = tables[plane, row + stride] * (ONE - u) + tables[plane, row + stride + 1] * u
                    out[p, column] = low * (ONE - v) + high * v


@cached_njit(parallel=True, fastmath={"contract", "arcp"}, nogil=True)
def _backward_tables(x01, scale, nodes, first, upstream, d_tables):
    n, levels = x01.shape[0], scale.shape[0]
    for slot in prange(3 * levels):
        plane, level = slot // levels, slot % levels
        a, b = _axes(plane)
        s, stride, base = scale[level], nodes[level], first[level]
        for p in range(n):
            x, y = x01[p, a], x01[p, b]
            if not _inside(x, y):
                continue
            row, u, v = _cell(x, y, s, stride, base)
            g = upstream[slot, p]
            d_tables[plane, row] += g * (ONE - u) * (ONE - v)
            d_tables[plane, row + 1] += g * u * (ONE - v)
            d_tables[plane, row + stride] += g * (ONE - u) * v
            d_tables[plane, row + stride + 1] += g * u * v


@cached_njit(parallel=True, fastmath={"contract", "arcp"}, nogil=True)
def _backward_points(x01, tables, scale, nodes, first, upstream, d_x01):
    n, levels = x01.shape[0], scale.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        start, stop = chunk * CHUNK, min(n, chunk * CHUNK + CHUNK)
        for p in range(start, stop):
            d_x01[p, 0] = ZERO
            d_x01[p, 1] = ZERO
            d_x01[p, 2] = ZERO
        for plane in range(3):
            a, b = _axes(plane)
            for level in range(levels):
                s, stride, base = scale[level], nodes[level], first[level]
                column = plane * levels + level
                for p in range(start, stop):
                    x, y = x01[p, a], x01[p, b]
                    if not _inside(x, y):
                        continue
                    row, u, v = _cell(x, y, s, stride, base)
                    t00, t10 = tables[plane, row], tables[plane, row + 1]
                    t01, t11 = tables[plane, row + stride], tables[plane, row + stride + 1]
                    g = upstream[p, column] * s
                    d_x01[p, a] += g * ((t10 - t00) * (ONE - v) + (t11 - t01) * v)
                    d_x01[p, b] += g * ((t01 - t00) * (ONE - u) + (t11 - t10) * u)


def encode_backward(x01, tables, scale, nodes, first, upstream, d_x01, d_tables) -> None:
    """upstream [N,3L] -> d_x01 [N,3] and d_tables [3,T] (zeros on entry); either may be None (not wanted)."""
    if d_tables is not None:
        # Channel-major, so that each owner reads one run of memory.
        _backward_tables(x01, scale, nodes, first, np.ascontiguousarray(upstream.T), d_tables)
    if d_x01 is not None:
        _backward_points(x01, tables, scale, nodes, first, upstream, d_x01)
