# SPDX-License-Identifier: GPL-3.0-or-later
"""How loud a head's sound is at each pixel of an editor: from the level that its performance keeps of the sound, so
that no sound is read.

Letters: P pixels.
"""

from collections.abc import Sequence

import numpy as np

from ...core.formats import UserError
from ...core.performance import Performance
from .. import open_files
from .heard import HeardStrip


def levels_at(
    strips: Sequence[HeardStrip],
    edges: np.ndarray,  # [P+1] seconds of scene time, rising
) -> np.ndarray:
    """[P] 0..1: the square root of the loudest level within each pixel over the loudest of all sounds; a strip whose
    performance is not there is silent."""
    out, loudest = np.zeros(len(edges) - 1), 1e-9
    middles = (edges[:-1] + edges[1:]) / 2
    for strip in strips:
        performance = _performance(strip.performance)
        if performance is None:
            continue
        loudest = max(loudest, float(performance.loudness.max()))
        inside = strip.is_inside(middles)
        if inside.any():
            level = _peaks(performance, strip.seconds_at(edges)) * strip.volume_at(middles)
            out = np.maximum(out, np.where(inside, level, 0.0))
    return np.sqrt(np.clip(out / loudest, 0.0, 1.0))  # a quiet consonant counts as much as a vowel


def _performance(path: str) -> Performance | None:
    try:
        return open_files.performance(path)
    except UserError:  # the panel says it
        return None


def _peaks(performance: Performance, seconds: np.ndarray) -> np.ndarray:
    """[P]: the largest sample between each two of the seconds [P+1], and their own by straight lines."""
    samples = performance.loudness
    at = (seconds - float(performance.start)) * float(performance.rate)
    ends = np.interp(at, np.arange(len(samples)), samples, left=0.0, right=0.0)
    index = np.clip(np.ceil(at).astype(np.int64), 0, len(samples) - 1)
    between = np.where(index[1:] > index[:-1], np.maximum.reduceat(samples, index)[:-1], 0.0)
    return np.maximum(np.maximum(ends[:-1], ends[1:]), between)
