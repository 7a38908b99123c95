# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gaussians of all heads of a picture as one table, which the raster sorts by depth as it sorts those of one.

Space: the first head's own. Letters: N Gaussians, K higher SH coefficients, X' numbers of all channels.
"""

from collections.abc import Sequence

import numpy as np

from ..formats import BakeReader, Camera, Gaussians, transform_gaussians
from ..raster import Columns
from .picture_heads import FurtherHead
from .splat_source import Arrays, Splats, SplatSource


class HeadsSource:
    """The frames of several heads as one table of Gaussians, the first head's first."""

    def __init__(self, bakes: Sequence[BakeReader], names: Sequence[str]) -> None:
        """names: in SPLAT_CHANNELS, what the passes of the run blend."""
        self._bakes = bakes
        self._sources = [SplatSource(bake, names, (number, len(bakes))) for number, bake in enumerate(bakes)]
        self._bands = max(bake.canonical.shN.shape[1] for bake in bakes)
        self._turned_by: tuple[bytes, ...] = ()  # linear part of what each further head is moved by
        self._colours: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # opacities, sh0, shN of all

    def frame(
        self, number: int, camera: Camera, beside: tuple[Camera, Camera], further: Sequence[FurtherHead]
    ) -> Splats:
        """As `SplatSource.frame`, in the first head's space."""
        if not further:
            return self._sources[0].frame(number, camera, beside)
        parts = [self._sources[0].frame(number, camera, beside)]
        parts += [
            source.frame(number, head.camera, head.cameras_beside)
            for source, head in zip(self._sources[1:], further, strict=True)
        ]
        channels = [extra for _, extra in parts if extra is not None]
        columns = self.joined([part[:3] for part, _ in parts], [head.to_first for head in further])
        return columns, np.concatenate(channels) if channels else None

    def joined(self, arrays: Sequence[Arrays], to_first: Sequence[np.ndarray]) -> Columns:
        """One table of means, quats and scales of each head, each further one moved by its [4,4]."""
        first, *others = arrays
        shapes = [first, *map(self._moved, others, to_first, self._bakes[1:])]
        means, quats, scales = (np.concatenate(rows) for rows in zip(*shapes)) if others else first
        return means, quats, scales, *self._colours_of(to_first)

    def _colours_of(self, matrices: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Made again only where a head has turned: a camera that stands still keeps what it has drawn."""
        turned_by = tuple(matrix[:3, :3].tobytes() for matrix in matrices)
        if not matrices:
            g = self._bakes[0].canonical
            return g.opacities, g.sh0, g.shN
        if self._colours is None or turned_by != self._turned_by:
            first, *others = (bake.canonical for bake in self._bakes)
            turned = [first, *map(transform_gaussians, others, matrices)]
            harmonics = [np.pad(g.shN, ((0, 0), (0, self._bands - g.shN.shape[1]), (0, 0))) for g in turned]
            opacities, sh0 = (np.concatenate(column) for column in zip(*((g.opacities, g.sh0) for g in turned)))
            self._colours, self._turned_by = (opacities, sh0, np.concatenate(harmonics)), turned_by
        return self._colours

    @staticmethod
    def _moved(arrays: Arrays, matrix: np.ndarray, bake: BakeReader) -> Arrays:
        """Mapped by the matrix; colours are turned apart, because they seldom change."""
        g = bake.canonical
        moved = transform_gaussians(Gaussians(*arrays, g.opacities, g.sh0, g.shN[:, :0]), matrix)
        return moved.means, moved.quats, moved.scales
