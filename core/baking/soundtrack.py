# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound of a movie: the file that the bake was made from (or another), cut or padded to start with the first frame.

Letters: L samples, c channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import load_soundtrack
from ..formats import BakeCard, BakeReader, SoundChoice, UserError, found_path
from ..jobs import Render
from .edited_sound import edited_sound


@dataclass(frozen=True)
class Soundtrack:
    """Samples on the sound's own clock."""

    samples: np.ndarray  # [L,c] float32, -1..1
    rate: int  # samples a second
    content_hash: str
    start: Fraction  # seconds after the shot's first frame at which it starts

    def of_frames(self, numbers: Sequence[int], card: BakeCard) -> tuple[np.ndarray, int]:
        """`between` the first frame's start and the last one's end."""
        start = Fraction(numbers[0] - card.frame_start) / card.fps
        return self.between(start, start + (numbers[-1] - numbers[0] + 1) / card.fps)

    def between(self, start: Fraction, end: Fraction) -> tuple[np.ndarray, int]:
        """Samples [L,c] of that span, in seconds after the shot's first frame (silence where there is no sound), and
        their rate."""
        first, last = round((start - self.start) * self.rate), round((end - self.start) * self.rate)
        inside = self.samples[max(first, 0) : max(last, 0)]
        padding = min(max(-first, 0), last - first)
        out = np.zeros((last - first, self.samples.shape[1]), dtype=np.float32)
        out[padding : padding + len(inside)] = inside
        return out, self.rate


def soundtrack_of(job: Render, bake: BakeReader) -> tuple[Soundtrack | None, str | None]:
    """The movie's sound, and a warning when it is missing or has changed since the bake.

    Raises UserError only for a sound that the job names itself.
    """
    if job.sound_per_frame:
        return Soundtrack(*edited_sound(job, bake.card), Fraction(0)), None
    if not (job.audio or bake.card.has_sound):
        return None, None
    path = job.audio or found_path(bake.path, bake.card.audio)
    if bake.card.more_audio and not job.audio:
        count = len(bake.card.more_audio) + 1
        return (
            None,
            f"The shot has {count} sounds, so the movie is silent; render it from Blender, or name one with audio.",
        )
    choice = SoundChoice() if job.audio else SoundChoice(bake.card.track, bake.card.channel)
    try:
        start = Fraction(bake.card.offset) if bake.card.has_sound else Fraction(0)
        track = Soundtrack(*load_soundtrack(path, choice), start)
    except UserError as error:
        if job.audio:
            raise
        return None, f"{error} The movie is silent; name its sound with audio."
    warning = None
    if not job.audio and track.content_hash != bake.card.audio_hash:
        warning = f"{Path(path).name} has changed since the bake; the lips may not fit, bake again."
    return track, warning
