# SPDX-License-Identifier: GPL-3.0-or-later
"""The window of features that a branch takes at a moment: eight model frames of two halves.

TalkingGaussian takes frames i-4..i+3 of a 25 Hz feature file, each frame two 50 Hz halves, and so
works at 25 frames a second only. Here the window is placed by time instead of by index: any frame
rate, sub-frames and half-open shutters get what they need, and nothing can drift.

Letters: M moments, T features, C channels; j = -4..3 model frames, two halves each.
"""

import numpy as np
from numpy.typing import ArrayLike

from .features import Features

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
    moments = np.asarray(times, dtype=np.float64).reshape(-1)
    if not np.isfinite(moments).all():
        raise ValueError("window times must be finite")
    last = len(features.times) - 1
    position = (moments[:, None, None] + WINDOW_OFFSETS - features.times[0]) / features.hop
    position = np.clip(position, 0.0, last)
    below = position.astype(np.int64)
    above = np.minimum(below + 1, last)
    weight = (position - below).astype(np.float32)
    out = np.empty((len(moments), 8, features.values.shape[1], 2), dtype=np.float32)
    for h in range(2):
        before, after = features.values[below[:, :, h]], features.values[above[:, :, h]]
        after -= before
        after *= weight[:, :, h, None]
        after += before
        out[..., h] = after
    return out
