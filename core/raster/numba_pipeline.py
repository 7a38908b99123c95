# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels in their order, in numpy: forward keeps a `Trace`, backward consumes it. Knows nothing of torch.

Letters: N Gaussians, V visible splats in depth order, X' further channels asked for, X = X' + 1 when depth is wanted.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from ..formats import UserError
from .buffer_pool import BUFFERS, PICTURES
from .constants import TILE_HIGH, TILE_WIDE
from .numba_bin import ALL_ROWS, depth_order, first_slots, tile_lists
from .numba_blend import rasterize_tiles
from .numba_blend_backward import SUMS, rasterize_tiles_backward
from .numba_holdout import rasterize_before
from .numba_project import FIELDS, all_finite, camera_numbers, project
from .numba_project_backward import project_backward
from .numba_runtime import LOCK
from .raster_input import NOT_FINITE, RasterInput

PAIRS_MAX = 1 << 26  # (splat, tile) pairs: 0.3 GB forward, 3.2 GB backward; a head at 1024^2 has half a million


class Pictures(NamedTuple):
    """What one forward pass makes, as numpy float32."""

    color: np.ndarray  # [H,W,3] with background
    trans: np.ndarray  # [H,W] transmittance left
    channels: np.ndarray  # [H,W,X] weighted sums
    median: np.ndarray  # [H,W]; empty when X = 0

    @staticmethod
    def empty(width: int, height: int, channels: int) -> "Pictures":
        """Uninitialised, for the kernel to fill."""
        size = (height, width)
        shapes = (*size, 3), size, (*size, channels), size if channels else (0, 0)
        return Pictures(*(PICTURES.take(*shape) for shape in shapes))


@dataclass
class Trace:
    """What backward needs of a forward pass."""

    scene: RasterInput
    camera: np.ndarray  # float32 [30]
    table: np.ndarray  # [N,16] splats in the Gaussians' order
    tiles: np.ndarray  # int32 [N], 0 where culled
    first: np.ndarray  # int64 [N+1] a Gaussian's first slot
    ends: np.ndarray  # int64 [N] the end of its slots (garbage where culled)
    splats: np.ndarray  # [V,16] in depth order
    features: np.ndarray  # [V,X]
    tiles_x: int
    starts: np.ndarray  # int64 [tiles+1]
    pairs: np.ndarray  # int32 [P,3]
    pictures: Pictures

    def __del__(self) -> None:
        BUFFERS.put(self.table, self.splats, self.pairs)

    def depths_and_radii(self) -> tuple[np.ndarray, np.ndarray]:
        """Depths [N] and radii int32 [N] in pixels (0 where culled)."""
        return self.table[:, 9].copy(), self.table[:, 14].astype(np.int32)


class Gradients(NamedTuple):
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

    @staticmethod
    def zeros(scene: RasterInput) -> "Gradients":
        """For the kernel to fill."""
        n, arrays = len(scene.means), list(scene.arrays().values())[:-1]
        shapes = *(array.shape for array in arrays), (n, 2), (n, 2)
        return Gradients(*(np.zeros(shape, np.float32) for shape in shapes), np.zeros(n, np.int32))

    def of_inputs(self) -> tuple[np.ndarray, ...]:
        """Those of the scene's arrays, in their order, without the background."""
        return self[:7]

    def statistics(self) -> tuple[np.ndarray, ...]:
        """grad2d, absgrad2d and counts."""
        return self[7:]


def check_finite(scene: RasterInput) -> None:
    """Raise UserError when an array of the Gaussians (float32) holds NaN or infinity; names it."""
    for name, values in scene.arrays().items():
        if name != "background" and values.size and not all_finite(values.reshape(-1).view(np.uint32)):
            raise UserError(NOT_FINITE.format(name))


def check_pairs(count: int) -> None:
    """Raise UserError for more (splat, tile) pairs than PAIRS_MAX."""
    if count > PAIRS_MAX:
        raise UserError(
            f"rasterize: the splats cover {count} tiles in all, at most {PAIRS_MAX} fit in memory; "
            "lower the picture's size or the scales."
        )


def feature_rows(scene: RasterInput, order: np.ndarray | slice, splats: np.ndarray) -> np.ndarray:
    """[V,X]: the further channels in the order of the splats, the depth last where it is wanted."""
    extra_channels = scene.extra.shape[1]
    features = np.empty((len(splats), extra_channels + scene.depth), np.float32)
    features[:, :extra_channels] = scene.extra[order]
    if scene.depth:
        features[:, -1] = splats[:, 9]
    return features


def forward(scene: RasterInput) -> Trace:
    """Project, sort, bin and blend. The scene's arrays are numpy, float32 and C-contiguous.

    Raises UserError for numbers that are not finite and for more than PAIRS_MAX (splat, tile) pairs.
    """
    n, cam, (width, height) = len(scene.means), camera_numbers(scene), scene.size
    tiles_x, tiles_y = -(-width // TILE_WIDE), -(-height // TILE_HIGH)
    with LOCK:
        check_finite(scene)
        workers = numba.get_num_threads()
        table, tiles = BUFFERS.take(n, FIELDS), np.empty(n, np.int32)
        gaussians = scene.means, scene.quats, scene.scales, scene.opacities, scene.sh0, scene.shN
        project(*gaussians, scene.degree, scene.is_linear, cam, np.ones(n, np.bool_), table, tiles, workers)
        order, first = depth_order(table, tiles)[0], first_slots(tiles)
        check_pairs(first[-1])
        splats, ends = BUFFERS.take(len(order), FIELDS), np.empty(n, np.int64)
        hits, pairs = BUFFERS.take(first[-1], 4, dtype=np.int32), BUFFERS.take(first[-1], 3, dtype=np.int32)
        starts = tile_lists(table, order, tiles, first, tiles_x, tiles_y, workers, ends, splats, hits, pairs)
        BUFFERS.put(hits)
        features = feature_rows(scene, order, splats)
        pictures = Pictures.empty(width, height, features.shape[1])
        wanted = np.full(tiles_x * tiles_y, ALL_ROWS, np.int32)
        what = splats, starts, pairs, wanted, features, scene.background, tiles_x, workers
        if scene.far_limit is None:
            rasterize_tiles(*what, *pictures)
        else:
            rasterize_before(*what, np.ascontiguousarray(scene.far_limit), *pictures)
    return Trace(scene, cam, table, tiles, first, ends, splats, features, tiles_x, starts, pairs, pictures)


def backward(trace: Trace, g_color: np.ndarray, g_alpha: np.ndarray, g_channels: np.ndarray) -> Gradients:
    """Upstream gradients [H,W,3], [H,W], [H,W,X] (float32, contiguous) -> gradients of every input."""
    scene, t, upstream = trace.scene, trace, (g_color, g_alpha, g_channels)
    inputs = scene.means, scene.quats, scene.scales, scene.sh0, scene.shN
    out = Gradients.zeros(scene)
    targets = out.of_inputs(), out.statistics()
    with LOCK:
        slots = BUFFERS.take(t.first[-1], SUMS + t.features.shape[1])
        workers = numba.get_num_threads()
        pictures = t.pictures[:3]  # not the median, which has no gradient
        rasterize_tiles_backward(t.splats, t.starts, t.pairs, t.features, t.tiles_x, workers, pictures, upstream, slots)
        rows = t.table, t.tiles, t.first, t.ends
        project_backward(
            inputs, scene.degree, scene.is_linear, t.camera, *rows, slots, int(scene.depth), *targets, workers
        )
        BUFFERS.put(slots)
    return out


def pixel_counts(trace: Trace) -> np.ndarray:
    """int32 [N]: pixels each Gaussian contributed to, by a backward pass without upstream gradient."""
    return backward(trace, *(np.zeros_like(picture) for picture in trace.pictures[:3])).counts
