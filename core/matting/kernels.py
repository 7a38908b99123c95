# SPDX-License-Identifier: GPL-3.0-or-later
"""The per-pixel arithmetic of keying, compiled: colour differences, box means, the compositing equation solved for the
alpha and for the foreground. All kernels are in this one file, because numba's cache identifies a kernel by its file.

Knows no clips, landmarks or thresholds; those are arguments.

Letters: C the picture, B the backdrop behind it, F the foreground, a the alpha, C = a F + (1 - a) B (Porter & Duff
1984); Y Cb Cr as in ITU-R BT.601, full range, in grey levels; u the backdrop's chroma (Cb, Cr).
"""

import numpy as np

from ..compiling import cached_njit

COMPILED = {"nogil": True, "error_model": "numpy"}


@cached_njit(**COMPILED)
def luma(r, g, b):
    """Y of ITU-R BT.601."""
    return 0.299 * r + 0.587 * g + 0.114 * b


@cached_njit(**COMPILED)
def compare_to_backdrop(
    rgb,  # [H,W,3] float32 grey levels
    field,  # [H,W,3] float32 the backdrop
):
    """([H,W] share of the backdrop's chroma that a pixel has: 1 the backdrop's own, 0 grey, negative the opposite hue;
    [H,W] its chroma across that hue, over the backdrop's chroma; [H,W] its luma minus the backdrop's)."""
    height, width = rgb.shape[:2]
    share, across = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    luma_difference = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            cy = luma(rgb[y, x, 0], rgb[y, x, 1], rgb[y, x, 2])
            by = luma(field[y, x, 0], field[y, x, 1], field[y, x, 2])
            cb, cr = (rgb[y, x, 2] - cy) / 1.772, (rgb[y, x, 0] - cy) / 1.402
            bb, br = (field[y, x, 2] - by) / 1.772, (field[y, x, 0] - by) / 1.402
            length = max(bb * bb + br * br, 1.0)
            share[y, x] = (cb * bb + cr * br) / length
            across[y, x] = (cr * bb - cb * br) / length
            luma_difference[y, x] = cy - by
    return share, across, luma_difference


@cached_njit(**COMPILED)
def apply_colour_matrix(
    rgb,  # [H,W,3] uint8 or float32
    matrix,  # [3,3] float32
    offset,  # [3] float32
):
    """[H,W,3] float32 rgb @ matrix + offset, clipped to 0..255."""
    height, width = rgb.shape[:2]
    out = np.empty((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            r, g, b = np.float32(rgb[y, x, 0]), np.float32(rgb[y, x, 1]), np.float32(rgb[y, x, 2])
            for c in range(3):
                value = r * matrix[0, c] + g * matrix[1, c] + b * matrix[2, c] + offset[c]
                out[y, x, c] = min(max(value, np.float32(0)), np.float32(255))
    return out


@cached_njit(**COMPILED)
def erode(
    mask,  # [H,W] bool
    margin,  # pixels
):
    """[H,W] bool: binary erosion by a square window of 2 margin + 1 pixels; the picture's rim erodes nothing."""
    height, width = mask.shape
    rows, out = np.empty((height, width), np.bool_), np.empty((height, width), np.bool_)
    for y in range(height):
        since = margin  # pixels since the last one outside the mask
        for x in range(width):
            since = since + 1 if mask[y, x] else 0
            rows[y, x] = since > margin
        since = margin
        for x in range(width - 1, -1, -1):
            since = since + 1 if mask[y, x] else 0
            rows[y, x] &= since > margin
    column = np.full(width, margin)
    for y in range(height):
        for x in range(width):
            column[x] = column[x] + 1 if rows[y, x] else 0
            out[y, x] = column[x] > margin
    column[:] = margin
    for y in range(height - 1, -1, -1):
        for x in range(width):
            column[x] = column[x] + 1 if rows[y, x] else 0
            out[y, x] &= column[x] > margin
    return out


@cached_njit(**COMPILED)
def box_mean(
    values,  # [H,W,C] float32
    radius,  # pixels
):
    """[H,W,C] mean over (2 radius + 1)^2 pixels, smaller windows at the border; running sums, twice (a tent filter)."""
    height, width, channels = values.shape
    first, second = values.copy(), np.empty_like(values)
    total = np.empty(channels, np.float64)
    for _ in range(2):
        for y in range(height):
            total[:] = 0.0
            for x in range(min(radius, width)):
                for c in range(channels):
                    total[c] += first[y, x, c]
            for x in range(width):
                share = 1.0 / (min(x + radius, width - 1) - max(x - radius, 0) + 1)
                for c in range(channels):
                    if x + radius < width:
                        total[c] += first[y, x + radius, c]
                    if x - radius - 1 >= 0:
                        total[c] -= first[y, x - radius - 1, c]
                    second[y, x, c] = total[c] * share
        row = np.zeros((width, channels), np.float64)
        for y in range(min(radius, height)):
            for x in range(width):
                for c in range(channels):
                    row[x, c] += second[y, x, c]
        for y in range(height):
            share = 1.0 / (min(y + radius, height - 1) - max(y - radius, 0) + 1)
            for x in range(width):
                for c in range(channels):
                    if y + radius < height:
                        row[x, c] += second[y + radius, x, c]
                    if y - radius - 1 >= 0:
                        row[x, c] -= second[y - radius - 1, x, c]
                    first[y, x, c] = row[x, c] * share
    return first


@cached_njit(**COMPILED)
def downsample_weighted(
    rgb,  # [H,W,3] float32
    weight,  # [H,W] float32
):
    """[ceil H/2, ceil W/2, 4] mean of weight * rgb and of the weight over 2x2 pixels."""
    height, width = weight.shape
    out = np.zeros(((height + 1) // 2, (width + 1) // 2, 4), np.float32)
    for y in range(height):
        for x in range(width):
            w = weight[y, x]
            if w != 0.0:
                cell = out[y // 2, x // 2]
                for c in range(3):
                    cell[c] += 0.25 * w * rgb[y, x, c]
                cell[3] += 0.25 * w
    return out


@cached_njit(**COMPILED)
def fit_alpha(f0, f1, f2, c0, c1, c2, chroma_weight):
    """(a, squared residual) of least squares over Y, Cb, Cr; f = F - B, c = C - B."""
    dy, cy = luma(f0, f1, f2), luma(c0, c1, c2)
    db, dr = (f2 - dy) / 1.772, (f0 - dy) / 1.402
    cb, cr = (c2 - cy) / 1.772, (c0 - cy) / 1.402
    norm = dy * dy + chroma_weight * (db * db + dr * dr)
    a = (cy * dy + chroma_weight * (cb * db + cr * dr)) / max(norm, 1.0)
    clipped = min(max(a, 0.0), 1.0)
    ey, eb, er = cy - clipped * dy, cb - clipped * db, cr - clipped * dr
    return a, ey * ey + chroma_weight * (eb * eb + er * er)


@cached_njit(**COMPILED)
def solve_alpha(
    rgb,  # [H,W,3] float32
    unknown,  # [H,W] bool: where a is to be solved
    field,  # [H,W,3] float32 B
    residual,  # [h,w,3] float32 what B is missing here, half size
    near,  # [h,w,4] float32 weight * F and weight, means over small windows, half size
    far,  # [h,w,3] float32 F from further away, half size
    stride,  # half pixels from a window to its neighbours
    chroma_weight,  # weight of a difference of chroma relative to one of luma
    variance,  # grey levels squared: how well a right F explains a pixel
):
    """[H,W] a of C = a F + (1 - a) B, 0 where it is known; not clipped. F comes from nine surrounding windows, each
    weighted by how well it explains C (as in sample-based matting: Wang & Cohen 2007, but of means)."""
    height, width = unknown.shape
    rows, columns = far.shape[:2]
    out = np.zeros((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            if not unknown[y, x]:
                continue
            i, j = y // 2, x // 2
            b0 = field[y, x, 0] + residual[i, j, 0]
            b1 = field[y, x, 1] + residual[i, j, 1]
            b2 = field[y, x, 2] + residual[i, j, 2]
            c0, c1, c2 = rgb[y, x, 0] - b0, rgb[y, x, 1] - b1, rgb[y, x, 2] - b2
            f = far[i, j]
            a, remainder = fit_alpha(f[0] - b0, f[1] - b1, f[2] - b2, c0, c1, c2, chroma_weight)
            trust = 0.02 / (remainder + variance) ** 2
            total, weight = trust * a, trust
            for v in range(-1, 2):
                for u in range(-1, 2):
                    k, m = i + v * stride, j + u * stride
                    if k < 0 or k >= rows or m < 0 or m >= columns or near[k, m, 3] < 0.02:
                        continue
                    g, w = near[k, m], near[k, m, 3]
                    a, remainder = fit_alpha(g[0] / w - b0, g[1] / w - b1, g[2] / w - b2, c0, c1, c2, chroma_weight)
                    trust = w / (remainder + variance) ** 2 / (1.0 + 0.5 * (v * v + u * u))
                    total += trust * a
                    weight += trust
            out[y, x] = total / weight
    return out


@cached_njit(**COMPILED)
def solve_foreground(
    rgb,  # [H,W,3] float32
    alpha,  # [H,W] float32
    field,  # [H,W,3] float32 B
    foreground,  # [h,w,3] float32 F as its surroundings have it, half size
    edge,  # [H,W] float32 1 at the edge, 0 inside
    slack,  # grey levels of the backdrop's hue that an edge may have beyond its surroundings
):
    """[H,W,3] F: the compositing equation solved for it where a is large, its surroundings' colour where a is small;
    at the edge no more of the backdrop's hue than its surroundings have, and of a mixed pixel's own chroma little."""
    height, width = alpha.shape
    out = np.empty((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            a, near = alpha[y, x], foreground[y // 2, x // 2]
            if a == 1.0 and edge[y, x] <= 0.0:
                out[y, x] = rgb[y, x]
                continue
            trust = min(max((a - 0.15) / 0.6, 0.0), 1.0)
            inverse = 1.0 / max(a, 0.1)
            for c in range(3):
                solved = (rgb[y, x, c] - (1.0 - a) * field[y, x, c]) * inverse
                solved = min(max(solved, 0.0), 255.0)
                out[y, x, c] = trust * solved + (1.0 - trust) * near[c]
            if edge[y, x] <= 0.0:
                continue
            by = luma(field[y, x, 0], field[y, x, 1], field[y, x, 2])
            ub, ur = (field[y, x, 2] - by) / 1.772, (field[y, x, 0] - by) / 1.402
            length = max(np.sqrt(ub * ub + ur * ur), 1.0)
            ub, ur = ub / length, ur / length
            fy, ny = luma(out[y, x, 0], out[y, x, 1], out[y, x, 2]), luma(near[0], near[1], near[2])
            nb, nr = (near[2] - ny) / 1.772, (near[0] - ny) / 1.402
            db, dr = (out[y, x, 2] - fy) / 1.772 - nb, (out[y, x, 0] - fy) / 1.402 - nr
            spill = edge[y, x] * max(db * ub + dr * ur - slack, 0.0)
            db, dr = db - spill * ub, dr - spill * ur
            # A mixed pixel's chroma is mostly the codec's: it stays near its surroundings'
            reach = slack + 100.0 * max(a - 0.8, 0.0)
            far = np.sqrt(db * db + dr * dr)
            if far > reach:
                db, dr = db * reach / far, dr * reach / far
            fb, fr = nb + db, nr + dr
            out[y, x, 0] = min(max(fy + 1.402 * fr, 0.0), 255.0)
            out[y, x, 1] = min(max(fy - 0.344136 * fb - 0.714136 * fr, 0.0), 255.0)
            out[y, x, 2] = min(max(fy + 1.772 * fb, 0.0), 255.0)
    return out
