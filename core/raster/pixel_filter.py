# SPDX-License-Identifier: GPL-3.0-or-later
"""How the samples of a picture become its pixels: the filters of Cycles' Film panel, which EEVEE's is one of.

All are separable, symmetric and sum to 1. Source: Cycles (intern/cycles/scene/film.cpp), whose width of a filter is
half of what a Blackman-Harris window spans, a third of a Gaussian's, and nothing to a box, which is a pixel wide.
"""

import math
from collections.abc import Callable

import numpy as np

from ..formats import UserError

HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)  # Blackman-Harris: of cos(0), cos(x), cos(2 x), cos(3 x)


def box(x: float, _width: float) -> float:
    """1 within the pixel."""
    return float(abs(x) < 0.5)


def gaussian(x: float, width: float) -> float:
    """A sigma of a quarter of the width, cut at six of them."""
    return math.exp(-8 * (x / width) ** 2) if abs(x) < 1.5 * width else 0.0


def blackman_harris(x: float, width: float) -> float:
    """The window, from -width to width."""
    turn = math.pi * (x / width + 1)
    return sum(factor * math.cos(k * turn) for k, factor in enumerate(HARRIS)) if abs(x) < width else 0.0


# name -> weight of a sample that is x pixels away from the pixel's middle, for a width in pixels
PIXEL_FILTERS: dict[str, Callable[[float, float], float]] = {
    "box": box,
    "gaussian": gaussian,
    "blackman_harris": blackman_harris,
}
WIDTH_MAX = 10.0  # pixels; Blender's own limit


def check_filter(name: str, width: float) -> None:
    """Raise UserError for a filter that there is not, or a width that it cannot have."""
    if name not in PIXEL_FILTERS:
        raise UserError(f"pixel_filter {name!r} is unknown; use one of {', '.join(PIXEL_FILTERS)}.")
    if not 0.01 <= width <= WIDTH_MAX:
        raise UserError(f"filter_width {width} is out of range; use 0.01 to {WIDTH_MAX:g} pixels.")


def filter_weights(name: str, width: float, samples: int) -> np.ndarray:
    """float32 [samples + 2 M]: the weights, along one axis, of a pixel's own `samples` samples and of M on each side.

    width: pixels. One sample a pixel, or a filter narrower than two samples, is the box.
    """
    check_filter(name, width)
    weigh = PIXEL_FILTERS[name]
    reach = math.ceil(1.5 * width * samples)
    places = (np.arange(-reach, samples + reach) + 0.5) / samples - 0.5
    weights = np.array([weigh(x, width) for x in places])
    used = np.flatnonzero(weights > 0)
    if samples == 1 or len(used) < samples:
        return np.full(samples, 1 / samples, np.float32)
    kept = weights[used[0] : used[-1] + 1]
    return (kept / kept.sum()).astype(np.float32)


def filtered(
    samples: np.ndarray,  # [n (h - 1) + T, n (w - 1) + T, ...]
    weights: np.ndarray,  # [T] of `filter_weights`
    per_side: int,  # n
) -> np.ndarray:
    """[h,w,...] pixels."""
    for axis in (0, 1):
        last = samples.shape[axis] - len(weights) + 1
        total = None
        for k, weight in enumerate(weights):
            part = samples[(slice(None),) * axis + (slice(k, k + last, per_side),)] * weight
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None
        samples = total
    return samples
