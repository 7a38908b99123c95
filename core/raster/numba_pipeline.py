# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels in their order, in numpy: forward keeps a `Trace`, backward consumes it. Knows nothing of torch.

Letters: N Gaussians, V visible splats in depth order, X' further channels asked for, X = X' + 1 when depth is wanted.
"""

from dataclasses import dataclass

import numba
import numpy as np

from ..formats import Camera, UserError
from .constants import TILE_HIGH, TILE_WIDE
from .numba_backward import SUMS, unraster
from .numba_bin import depth_order, first_slots, tile_lists
from .numba_forward import raster
from .numba_project import FIELDS, all_finite, camera_numbers, project
from .numba_runtime import LOCK, SHELF
from .numba_unproject import unproject
from .rendering import NOT_FINITE

PAIRS_MAX = 1 << 26  # (splat, tile) pairs: 0.3 GB forward, 3.2 GB backward; a head at 1024^2 has half a million


@dataclass
class Pictures:
    """What one forward pass makes, as numpy float32."""

    color: np.ndarray  # [H,W,3] with background
    trans: np.ndarray  # [H,W] transmittance left
    channels: np.ndarray  # [H,W,X] weighted sums
    median: np.ndarray  # [H,W]; empty when X = 0


@dataclass
class Trace:
    """What backward needs of a forward pass."""

    inputs: tuple  # means, quats, scales, sh0, shN
    degree: int
    camera: np.ndarray  # float32 [28]
    table: np.ndarray  # [N,16] splats in the Gaussians' order
    tiles: np.ndarray  # int32 [N], 0 where culled
    first: np.ndarray  # int64 [N+1] a Gaussian's first slot
    ends: np.ndarray  # int64 [N] the end of its slots (garbage where culled)
    splats: np.ndarray  # [V,16] in depth order
    features: np.ndarray  # [V,X]
    depth: bool
    tiles_x: int
    starts: np.ndarray
    pairs: np.ndarray
    pictures: Pictures

    def __del__(self) -> None:
        SHELF.put(self.table, self.splats, self.pairs)

    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        """Depths [N] and radii int32 [N] in pixels (0 where culled)."""
        return self.table[:, 9].copy(), self.table[:, 14].astype(np.int32)


@dataclass
class Gradients:
    """dL/d of every input and the density statistics, [N,...] float32; rows of culled Gaussians are zero."""

    means: np.ndarray
    quats: np.ndarray
    scales: np.ndarray
    opacities: np.ndarray
    sh0: np.ndarray
    shN: np.ndarray
    extra: np.ndarray
    grad2d: np.ndarray
    absgrad2d: np.ndarray
    counts: np.ndarray  # int32


def refuse_nonfinite(**columns: np.ndarray) -> None:
    """Raise UserError when a float32 array holds NaN or infinity; names it."""
    for name, values in columns.items():
        if values.size and not all_finite(values.reshape(-1).view(np.uint32)):
            raise UserError(NOT_FINITE.format(name))


def forward(means, quats, scales, opacities, sh0, shN, camera: Camera, *, background, extra, depth, degree) -> Trace:
    """Project, sort, bin and blend. Arrays float32 and C-contiguous; extra [N,X'].

    Raises UserError for numbers that are not finite and for more than PAIRS_MAX (splat, tile) pairs.
    """
    n, tiles_x, tiles_y = len(means), -(-camera.width // TILE_WIDE), -(-camera.height // TILE_HIGH)
    cam = camera_numbers(camera)
    with LOCK:
        refuse_nonfinite(means=means, quats=quats, scales=scales, opacities=opacities, sh0=sh0, shN=shN, extra=extra)
        workers = numba.get_num_threads()
        table, tiles = SHELF.take(n, FIELDS), np.empty(n, np.int32)
        project(means, quats, scales, opacities, sh0, shN, degree, cam, table, tiles, workers)
        order, first = depth_order(table, tiles), first_slots(tiles)
        if first[-1] > PAIRS_MAX:
            raise UserError(
                f"rasterize: the splats cover {first[-1]} tiles in all, at most {PAIRS_MAX} fit in memory; "
                "lower the picture's size or the scales."
            )
        splats, ends = SHELF.take(len(order), FIELDS), np.empty(n, np.int64)
        met, pairs = SHELF.take(first[-1], 4, dtype=np.int32), SHELF.take(first[-1], 3, dtype=np.int32)
        starts = tile_lists(table, order, tiles, first, tiles_x, tiles_y, workers, ends, splats, met, pairs)
        SHELF.put(met)
        features = np.empty((len(order), extra.shape[1] + depth), np.float32)
        features[:, : extra.shape[1]] = extra[order]
        if depth:
            features[:, -1] = splats[:, 9]
        size = (camera.height, camera.width)
        pictures = Pictures(
            np.empty((*size, 3), np.float32),
            np.empty(size, np.float32),
            np.empty((*size, features.shape[1]), np.float32),
            np.empty(size if features.shape[1] else (0, 0), np.float32),
        )
        raster(
            splats,
            starts,
            pairs,
            features,
            background,
            tiles_x,
            workers,
            pictures.color,
            pictures.trans,
            pictures.channels,
            pictures.median,
        )
    return Trace(
        (means, quats, scales, sh0, shN),
        degree,
        cam,
        table,
        tiles,
        first,
        ends,
        splats,
        features,
        depth,
        tiles_x,
        starts,
        pairs,
        pictures,
    )


def backward(trace: Trace, g_color: np.ndarray, g_alpha: np.ndarray, g_channels: np.ndarray) -> Gradients:
    """Upstream gradients [H,W,3], [H,W], [H,W,X] (float32, contiguous) -> gradients of every input."""
    n, pictures = len(trace.tiles), trace.pictures
    extra = trace.features.shape[1] - trace.depth

    def zeros(*shape):
        return np.zeros(shape, np.float32)

    out = Gradients(
        zeros(n, 3),
        zeros(n, 4),
        zeros(n, 3),
        zeros(n),
        zeros(n, 3),
        zeros(*trace.inputs[4].shape),
        zeros(n, extra),
        zeros(n, 2),
        zeros(n, 2),
        np.zeros(n, np.int32),
    )
    with LOCK:
        slots = SHELF.take(trace.first[-1], SUMS + trace.features.shape[1])
        workers = numba.get_num_threads()
        unraster(
            trace.splats,
            trace.starts,
            trace.pairs,
            trace.features,
            trace.tiles_x,
            workers,
            (pictures.color, pictures.trans, pictures.channels),
            (g_color, g_alpha, g_channels),
            slots,
        )
        unproject(
            trace.inputs,
            trace.degree,
            trace.camera,
            trace.table,
            trace.tiles,
            trace.first,
            trace.ends,
            slots,
            int(trace.depth),
            (out.means, out.quats, out.scales, out.opacities, out.sh0, out.shN, out.extra),
            (out.grad2d, out.absgrad2d, out.counts),
            workers,
        )
        SHELF.put(slots)
    return out


def pixel_counts(trace: Trace) -> np.ndarray:
    """int32 [N]: pixels each Gaussian contributed to, by a backward pass without upstream gradient."""
    pictures = trace.pictures
    return backward(
        trace, np.zeros_like(pictures.color), np.zeros_like(pictures.trans), np.zeros_like(pictures.channels)
    ).counts
