# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures averaged as a film averages them: in linear light, premultiplied by alpha.

Letters: H x W pixels, X' further channels.
"""

from dataclasses import replace

import numpy as np

from ..interchange import scene_linear_planes
from ..raster import Rendering

Box = tuple[slice, slice]


class LightAverage:
    """Of pictures of one size with the same passes. What is added first is of the frame's own moment, or nearest to it;
    the order is that of the sums, so equal pictures in equal order give equal bits."""

    def __init__(self) -> None:
        self._sum: Rendering | None = None

    def add(self, picture: Rendering, weight: float) -> None:
        """weight: the picture's share; those of all together are 1."""
        if self._sum is None:
            self._sum = _empty_like(picture)
        sum_, box, share = self._sum, _box_of(picture.alpha), np.float32(weight)
        alpha = picture.alpha[box]
        sum_.color[box] += share * _light(picture, box)
        sum_.alpha[box] += share * alpha
        if picture.extra is not None and sum_.extra is not None:
            sum_.extra[box] += share * picture.extra[box]
        if picture.depth_expected is not None and picture.depth_median is not None:
            assert sum_.depth_expected is not None
            assert sum_.depth_median is not None
            sum_.depth_expected[box] += share * alpha * picture.depth_expected[box]
            median = sum_.depth_median[box]
            np.copyto(median, picture.depth_median[box], where=median == 0)

    def rendering(self) -> Rendering:
        """The average, of blend "linear". `depth_expected` is weighted by alpha, as within one picture; `depth_median`
        is that of the first picture that has one there, where half of the pixel is covered on the average."""
        assert self._sum is not None
        sum_ = self._sum
        if sum_.depth_expected is None or sum_.depth_median is None:
            return sum_
        over = np.where(sum_.alpha > 0, sum_.alpha, np.float32(1))
        median = np.where(sum_.alpha > 0.5, sum_.depth_median, np.float32(0))
        return replace(sum_, depth_expected=sum_.depth_expected / over, depth_median=median)


def _empty_like(picture: Rendering) -> Rendering:
    def zeros(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else np.zeros(np.shape(values), np.float32)

    names = ("color", "alpha", "extra", "depth_expected", "depth_median")
    return replace(picture, blend="linear", **{name: zeros(getattr(picture, name)) for name in names})


def _light(picture: Rendering, box: Box) -> np.ndarray:
    """Premultiplied light; codes are decoded as the EXR's writer decodes them."""
    color = picture.color[box]
    if picture.blend == "linear":
        return color
    return np.moveaxis(scene_linear_planes(color, picture.alpha[box], picture.blend, full_float=True)[:3], 0, -1)


def _box_of(alpha: np.ndarray) -> Box:
    """What holds all pixels that are not empty."""
    found = [np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0)]
    top, left = (slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0) for at in found)
    return top, left
