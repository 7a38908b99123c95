# SPDX-License-Identifier: GPL-3.0-or-later
"""The Gaussians of a bake's frames as they are rendered, with what passes want to know of them. Reads a frame once,
also where its neighbours show their motion by it.

Letters: N Gaussians, X' numbers of all channels.
"""

from collections.abc import Sequence

import numpy as np

from ..formats import BakeReader, Camera
from ..raster import Columns
from .splat_channels import SplatFrame, View, splat_channels, use_motion

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # of a bake's frame: means, quats, scales
# The Gaussians as `rasterize` takes them, and its `extra` [N,X'].
Splats = tuple[Columns, np.ndarray | None]


class SplatSource:
    """The frames of one run, in its order."""

    def __init__(self, bake: BakeReader, names: Sequence[str], head: tuple[int, int] = (0, 1)) -> None:
        """names: in SPLAT_CHANNELS, what the passes of the run blend. head: which of how many in the picture."""
        self._bake, self._names, self._head = bake, names, head
        g = bake.canonical
        self._buffers = (np.empty_like(g.means), np.empty_like(g.quats), np.empty_like(g.scales))
        self._read: dict[int, Arrays] = {}  # the frames around the last one

    def frame(
        self,
        number: int,
        camera: Camera,
        beside: tuple[Camera, Camera],  # of the frames before and after
    ) -> Splats:
        """Until the next call."""
        has_motion = use_motion(self._names)
        arrays = self._around(number) if has_motion else self._bake.frame(number, out=self._buffers)
        now = View(arrays[0], camera)
        before, after = (
            View(self._read.get(number + step, arrays)[0], seen_by) for step, seen_by in zip((-1, 1), beside)
        )
        g = self._bake.canonical
        extra = splat_channels(self._names, SplatFrame(self._bake.branch, *arrays[1:], now, before, after, self._head))
        return (*arrays, g.opacities, g.sh0, g.shN), extra

    def _around(self, number: int) -> Arrays:
        """The frame; it and the stored ones beside it stay in memory."""
        wanted = [*neighbours(self._bake, number), number]
        self._read = {n: self._read[n] if n in self._read else self._bake.frame(n) for n in wanted}
        return self._read[number]


def neighbours(bake: BakeReader, number: int) -> tuple[int, ...]:
    """The stored ones of the frames directly before and after."""
    stored = frozenset(bake.frames)
    return tuple(n for n in (number - 1, number + 1) if n in stored)
