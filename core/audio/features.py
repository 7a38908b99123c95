# SPDX-License-Identifier: GPL-3.0-or-later
"""What an encoder gives: vectors over time that carry their own times, and the encoder's interface.

Knows nothing of frame rates or heads.

Letters: T feature frames, C channels; times in seconds from the sound's time 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from .sound import Sound

MARGIN = 0.24  # seconds of silence that every sound is encoded with before and after: over half a window (windows.py)


@dataclass(frozen=True)
class Features:
    """Feature frames on an even grid of times. Raises ValueError for shapes that do not fit.

    `times[k]` is the centre of what frame k was computed from, so that a click at time s peaks at the frame whose time
    is nearest to s. The grid starts MARGIN before time 0 and ends at least MARGIN after the sound's end: the first and
    the last frame are centred on silence (an encoder that attends farther, like Moonshine, still takes in the sound
    next to it).
    """

    values: np.ndarray  # [T,C] float32
    times: np.ndarray  # [T] float64 seconds, evenly spaced, increasing

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.times.shape != self.values.shape[:1] or len(self.times) < 2:
            raise ValueError(f"features {self.values.shape} and times {self.times.shape} do not fit each other")

    @property
    def hop(self) -> float:
        """Seconds between two frames."""
        return float(self.times[-1] - self.times[0]) / (len(self.times) - 1)


class Encoder(ABC):
    """One way to turn sound into features."""

    name: str  # what a head's card stores
    channels: int  # C

    @abstractmethod
    def times(self, sound: Sound) -> np.ndarray:
        """[T] float64: the `Features.times` of this sound."""

    @abstractmethod
    def pieces(self, sound: Sound) -> Iterator[np.ndarray]:
        """The T feature frames in order, float32 [<T,C] at a time; memory and time of a piece do not grow with T."""

    @final  # whoever changes the features changes `pieces`: long sounds are only ever encoded by those
    def encode(self, sound: Sound) -> Features:
        """Features of the whole sound."""
        times = self.times(sound)
        values, filled = np.empty((len(times), self.channels), np.float32), 0
        for piece in self.pieces(sound):
            values[filled : filled + len(piece)] = piece
            filled += len(piece)
        if filled != len(times):
            raise ValueError(f"the encoder {self.name} gave {filled} of {len(times)} feature frames")
        return Features(values, times)
