# SPDX-License-Identifier: GPL-3.0-or-later
"""The window of features that a branch takes at a moment: eight model frames of two halves.

TalkingGaussian takes frames i-4..i+3 of a 25 Hz feature file, each frame two 50 Hz halves, and so
works at 25 frames a second only. Here the window is placed by time instead of by index: any frame
rate, sub-frames and half-open shutters get what they need, and nothing can drift.

Letters: M moments, T features, C channels; j = -4..3 model frames, two halves each.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from .features import Encoder, Features
from .sound import Sound

MODEL_RATE = 25  # Hz, the model frames of this line of work; the head's business, never the scene's
FRAMES = np.arange(-4, 4)  # j
HALVES = np.array([-0.01, 0.01])  # seconds around a model frame
WINDOW_OFFSETS = FRAMES[:, None] / MODEL_RATE + HALVES  # [8,2] seconds around the moment: -0.17 .. 0.13 every 20 ms


def windows_at(
    features: Features,
    times: ArrayLike,  # [M] seconds (floats or Fractions)
) -> np.ndarray:
    """Features at times + WINDOW_OFFSETS by linear interpolation, [M,8,C,2] float32. ValueError for times not finite.

    Beyond the features' ends the end value holds: what the encoder makes of the silence next to this
    sound (features.MARGIN), so a strip begins and ends without a jump.
    not in the paper: TalkingGaussian pads with zeros, which for a learned encoder is a value that
    no sound has.

    Memory: 8 x 2 x C x 4 bytes a moment (18 KB at C = 288; 10 minutes at 25 fps: 276 MB); long shots come in blocks.
    """
    return _interpolate(features.values, *_positions(features.times, np.asarray(times, dtype=np.float64)))


def window_blocks(
    encoder: Encoder,
    sound: Sound,
    times: np.ndarray,  # [M] seconds; rising times need the least memory
    block: int,
) -> Iterator[np.ndarray]:
    """`windows_at` of the encoded sound, the same bits, `block` moments at a time.

    Only the features that a block and those after it need are held: for rising times the memory does not grow with the
    sound. Raises as `windows_at` and the encoder do.
    """
    grid, pieces = encoder.times(sound), encoder.pieces(sound)
    earliest = np.minimum.accumulate(np.asarray(times, dtype=np.float64)[::-1])[::-1]  # of this moment and all later
    values, first = np.empty((0, encoder.channels), np.float32), 0  # the features from frame `first` on
    for a in range(0, len(times), block):
        below, above, weight = _positions(grid, times[a : a + block])
        needed = int(_positions(grid, earliest[a : a + 1])[0].min())
        held, count = [values], first + len(values)
        while count <= above.max():
            held.append(next(pieces))
            count += len(held[-1])
        values = np.concatenate(held)[needed - first :]
        first = needed
        yield _interpolate(values, below - first, above - first, weight)


def _positions(grid: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(frame before, frame after, float32 weight of the latter), [M,8,2] each; `grid` are all features' times."""
    moments = times.reshape(-1)
    if not np.isfinite(moments).all():
        raise ValueError("window times must be finite")
    last = len(grid) - 1
    hop = float(grid[-1] - grid[0]) / last
    position = np.clip((moments[:, None, None] + WINDOW_OFFSETS - grid[0]) / hop, 0.0, last)
    below = position.astype(np.int64)
    return below, np.minimum(below + 1, last), (position - below).astype(np.float32)


def _interpolate(values: np.ndarray, below: np.ndarray, above: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[M,8,C,2] float32."""
    out = np.empty((len(below), len(FRAMES), values.shape[1], 2), dtype=np.float32)
    for h in range(2):
        before, after = values[below[:, :, h]], values[above[:, :, h]]
        after -= before
        after *= weight[:, :, h, None]
        after += before
        out[..., h] = after
    return out
