# SPDX-License-Identifier: GPL-3.0-or-later
"""How loud each channel of a track is over its whole length, against their mix. Knows no files.

Letters: S samples of a chunk, c channels of the file.
"""

import numpy as np

from .downmix import describe_channel, mix_weights

LEAST = 1e-12  # of mean power, -120 dB: what is below is no sound


class ChannelLevels:
    """`add` every chunk; a track whose layout changes is judged from the last change on."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.powers = np.zeros(0)  # [c] sums of squares
        self.mix_power, self.count = 0.0, 0

    def add(self, values: np.ndarray, names: list[str]) -> None:
        """values: float64 [S,c] of full scale 1; names: FFmpeg's."""
        if names != self.names:
            self.names, self.powers = names, np.zeros(len(names))
            self.mix_power, self.count = 0.0, 0
            self._weights = mix_weights(names, 1)[0]
        self.powers += np.einsum("sc,sc->c", values, values)
        mix = values @ self._weights
        self.mix_power += float(mix @ mix)
        self.count += len(values)

    @property
    def loudest(self) -> int:
        """The loudest channel that takes part in the mix, from 0."""
        return int(np.where(self._weights > 0, self.powers, -1.0).argmax())

    @property
    def decibels_below_loudest(self) -> float:
        """How much weaker the mix is than the loudest channel; 0 where there is no sound."""
        if not self.count or not self.powers[self.loudest] > LEAST * self.count:
            return 0.0
        return float(10 * np.log10(self.powers[self.loudest] / max(self.mix_power, 1e-30)))

    def describe(self, index: int) -> str:
        """The channel `index` (from 0) in words."""
        return describe_channel(self.names, index)
