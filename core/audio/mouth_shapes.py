# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouth's shape that goes with a sound, whoever speaks: Moonshine's features through a small net.

The first channels are MOUTH_MEASURES, 0..1 on any face; behind them are the probabilities of PHONE_CLASSES. Made for
heads whose own footage is short: a head's audio net then only learns what its person makes of these shapes.
not in the paper: chosen because an audio net that heard one speaker follows that speaker alone
(docs/research/any_voice.md).

Letters: T feature frames, C channels; hop 10 ms.
"""

from collections.abc import Iterator

import numpy as np

from .features import MARGIN, Encoder
from .moonshine import Moonshine, blended_spans
from .mouth_net import OUTPUTS, PROJECTED, REACH, MouthNet, load_mouth_net
from .relative_bands import relative_bands
from .sound import SOUND_RATE, Sound

HOP = 160  # samples at 16 kHz
BLOCK = 1000  # frames at once: 10 s
OVERLAP = 42  # of Moonshine's spans, frames: a quarter


class MouthShapes(Encoder):
    """MOUTH_MEASURES, then PHONE_CLASSES, every 10 ms."""

    name = "mouth_shapes"
    channels = OUTPUTS

    def times(self, sound: Sound) -> np.ndarray:
        """[T]: frame k is centred on sample 160 k, counted from MARGIN before time 0."""
        margin = round(MARGIN * SOUND_RATE) // HOP
        count = -(-len(sound.samples) // HOP) + 1 + 2 * margin
        return (np.arange(count) - margin) * (HOP / SOUND_RATE)

    def pieces(self, sound: Sound) -> Iterator[np.ndarray]:
        """[<=BLOCK,C] at a time. Raises UserError when the model's file or the net's is missing or damaged."""
        net = load_mouth_net()
        speech = _ProjectedSpeech(sound, net)
        margin, count = round(MARGIN * SOUND_RATE) // HOP, len(self.times(sound))
        for a in range(0, count, BLOCK):
            first, length = a - margin - REACH, min(BLOCK, count - a) + 2 * REACH
            times = (first + np.arange(length)) * (HOP / SOUND_RATE)
            yield net(speech.at(times), relative_bands(sound, first, length))


class _ProjectedSpeech:
    """Moonshine's features of a sound, projected, at rising times; holds those that are still needed."""

    def __init__(self, sound: Sound, net: MouthNet) -> None:
        self._grid = Moonshine().times(sound)
        self._pieces = blended_spans(sound, len(self._grid), OVERLAP, net.project)
        self._values, self._first = np.empty((0, PROJECTED), np.float32), 0

    def at(self, times: np.ndarray) -> np.ndarray:
        """[T,P] float32 by linear interpolation; beyond the ends the end value holds. Times may go back by 2 REACH."""
        last = len(self._grid) - 1
        hop = float(self._grid[-1] - self._grid[0]) / last
        position = np.clip((times - self._grid[0]) / hop, 0.0, last)
        below = np.minimum(position.astype(np.int64), last - 1)
        self._keep(int(below[0]), int(below[-1]) + 2)
        weight = (position - below).astype(np.float32)[:, None]
        low = self._values[below - self._first]
        return low + weight * (self._values[below + 1 - self._first] - low)

    def _keep(self, first: int, stop: int) -> None:
        """Features first .. stop - 1 are at hand, and none before."""
        held, count = [self._values], self._first + len(self._values)
        while count < stop:
            held.append(next(self._pieces))
            count += len(held[-1])
        self._values = np.concatenate(held)[first - self._first :]
        self._first = first
