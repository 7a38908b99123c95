# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound of a render as a file of its own, NAME.wav: what the movie plays, with the time code of the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..formats import BakeCard, FileManifest, content_key
from ..interchange import at_sound_rate, time_reference, write_broadcast_wave
from ..jobs import SequenceName
from .movie import part_of
from .soundtrack import Soundtrack

SOUND_VERSION = 1  # raise it when the same sound gives another file


@dataclass(frozen=True)
class SoundFile:
    """One wave file."""

    path: Path
    key: str  # in the manifest
    first: int  # the first frame's number
    rate: Fraction  # of the shot, frames a second
    sound: tuple[np.ndarray, int]  # samples [L,c] from the first frame's moment on, samples a second

    @staticmethod
    def of(
        out: Path, name: SequenceName, card: BakeCard, numbers: Sequence[int], soundtrack: Soundtrack
    ) -> "SoundFile":
        """NAME.wav of these frames in the folder `out`."""
        key = content_key("wav", SOUND_VERSION, list(numbers), card.fps, soundtrack.content_hash, card.offset)
        path = out / f"{name.stem}{part_of(numbers, card)}.wav"
        return SoundFile(path, key, numbers[0], card.fps, soundtrack.of_frames(numbers, card))

    def write(self, manifest: FileManifest) -> None:
        """Write it where it is not written yet."""
        if not manifest.is_finished(self.path, self.key):
            samples = np.ascontiguousarray(at_sound_rate(*self.sound).T)
            write_broadcast_wave(self.path, samples, time_reference(self.first, self.rate), self.path.stem)
            manifest.add(self.path, self.key)
