# SPDX-License-Identifier: GPL-3.0-or-later
"""What one camera keeps from frame to frame, and a frame drawn from it: of the Gaussians that differ from the frame
before, the projections, colours and list entries are made again; of the tiles that list or listed one, the pixels.

The kernels are those of a whole picture, so the pixels are the same to the bit: a tile's pixels depend on nothing but
its list, in order, and the rows of the table that it names.

Letters: N Gaussians, X' further channels asked for, X = X' + 1 when depth is wanted, P (Gaussian, tile) pairs.
"""

from collections.abc import Sequence

import numba
import numpy as np

from . import numba_pipeline as pipeline
from .buffer_pool import BUFFERS, PICTURES
from .constants import TILE_HIGH, TILE_WIDE
from .numba_arrays import rendering
from .numba_bin import ALL_ROWS, depth_order, first_slots, tile_lists
from .numba_blend import rasterize_tiles
from .numba_held import count_entries, merge_lists, take_changes
from .numba_project import FIELDS, camera_numbers, project
from .numba_runtime import LOCK
from .raster_input import RasterInput
from .rendering import DensityStats, Rendering

NOTHING = np.empty(0, np.uint32)


class HeldView:
    """The state of a camera that stands still, for scenes of one size of every array."""

    def __init__(self, scene: RasterInput, constant: Sequence[str] = ()) -> None:
        """constant: see HeldCamera."""
        n, (width, height) = len(scene.means), scene.size
        self.scene = scene.converted(np.zeros_like)  # of the frame before
        self.camera = camera_numbers(scene)
        self.tiles_x, self.tiles_y = -(-width // TILE_WIDE), -(-height // TILE_HIGH)
        self.table, self.tiles = np.zeros((n, FIELDS), np.float32), np.zeros(n, np.int32)
        self.starts = np.zeros(self.tiles_x * self.tiles_y + 1, np.int64)
        self.entries = BUFFERS.take(0, 3, dtype=np.int32)
        self.pictures = pipeline.Pictures.empty(width, height, scene.extra.shape[1] + scene.depth)
        self.frames = 0  # drawn so far
        self._constant = dict.fromkeys(constant)  # column -> the array of the frame before

    @property
    def nbytes(self) -> int:
        """Bytes that are kept from frame to frame."""
        kept = *self.scene.arrays().values(), self.table, self.tiles, self.starts, self.entries, *self.pictures
        return sum(array.nbytes for array in kept)

    def draw(self, scene: RasterInput) -> None:
        """Bring everything up to the frame `scene`, whose arrays are numpy, float32 and C-contiguous.

        Raises UserError as numba_pipeline.forward; the state is then of no more use.
        """
        changed = np.full(len(scene.means), self.frames == 0)
        with LOCK:
            workers = numba.get_num_threads()
            if take_changes(*self._to_compare(scene), changed, workers):
                pipeline.check_finite(scene)
            if changed.any() or self.frames == 0:
                self._project(changed, workers)
                wanted = self._exchange(changed, workers)
                if self.frames == 0:
                    wanted[:] = ALL_ROWS
                self._blend(scene, wanted, workers)
        self.frames += 1

    def _to_compare(self, scene: RasterInput) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """The columns of the frame and of the one before; of what is known to be the same, none of its numbers."""
        same = [name for name, array in self._constant.items() if array is getattr(scene, name)]
        self._constant = {name: getattr(scene, name) for name in self._constant}
        rows = zip(scene.arrays(), columns(scene), columns(self.scene))
        now, before = zip(*((NOTHING, NOTHING) if name in same else pair for name, *pair in rows))
        return now, before

    def _project(self, changed: np.ndarray, workers: int) -> None:
        s = self.scene
        gaussians = s.means, s.quats, s.scales, s.opacities, s.sh0, s.shN
        project(*gaussians, s.degree, s.is_linear, self.camera, changed, self.table, self.tiles, workers)
        pipeline.check_pairs(int(self.tiles.sum(dtype=np.int64)))

    def _exchange(self, changed: np.ndarray, workers: int) -> np.ndarray:
        """Exchange the changed Gaussians' entries; int32 [tiles]: the rows of each that one reaches."""
        tiles = np.where(changed, self.tiles, np.int32(0))
        (order, keys), first = depth_order(self.table, tiles), first_slots(tiles)
        splats, ends = BUFFERS.take(len(order), FIELDS), np.empty(len(tiles), np.int64)
        hits, pairs = BUFFERS.take(first[-1], 4, dtype=np.int32), BUFFERS.take(first[-1], 3, dtype=np.int32)
        grid = self.tiles_x, self.tiles_y
        new_starts = tile_lists(self.table, order, tiles, first, *grid, workers, ends, splats, hits, pairs)
        lists, new_lists = (self.starts, self.entries), (new_starts, pairs)
        counts, wanted = np.empty(len(self.starts) - 1, np.int64), np.empty(len(self.starts) - 1, np.int32)
        count_entries(lists, new_lists, order, keys, changed, workers, counts, wanted)
        placed = np.concatenate([[0], np.cumsum(counts)])
        merged = BUFFERS.take(placed[-1], 3, dtype=np.int32)
        merge_lists(lists, new_lists, changed, workers, placed, merged)
        BUFFERS.put(splats, hits, pairs, self.entries)
        self.starts, self.entries = placed, merged
        return wanted

    def _blend(self, scene: RasterInput, wanted: np.ndarray, workers: int) -> None:
        features = pipeline.feature_rows(self.scene, slice(None), self.table)
        lists = self.starts, self.entries, wanted
        rasterize_tiles(self.table, *lists, features, scene.background, self.tiles_x, workers, *self.pictures)

    def rendering(self) -> Rendering:
        """The picture of the last frame drawn, in arrays of its own."""
        frame = self.frames

        def count() -> np.ndarray:
            if frame != self.frames:
                raise RuntimeError("the pixel counts of a held camera's picture are read before the next is drawn")
            return pipeline.pixel_counts(pipeline.forward(self.scene))

        stats = DensityStats(self.table[:, 9].copy(), self.table[:, 14].astype(np.int32), count=count)
        color, trans, channels, median = self.pictures
        return rendering(self.scene, stats, _copy(color), trans, _copy(channels), _copy(median))


def _copy(picture: np.ndarray) -> np.ndarray:
    copy = PICTURES.take(*picture.shape)
    copy[...] = picture
    return copy


def columns(scene: RasterInput) -> tuple[np.ndarray, ...]:
    """The Gaussians' columns, flat, as uint32."""
    return tuple(array.reshape(-1).view(np.uint32) for array in list(scene.arrays().values())[:-1])
