# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's performance of a sound: its audio code at every moment of an even grid, and where it pauses.

Letters: M moments of the performance's own grid (SAMPLE_RATE a second), A width of a branch's code.
"""

import math
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import Sound
from ..formats import HeadFile
from ..jobs import Pace, Progress
from ..performance import SAMPLE_RATE, Performance
from .audio_codes import AudioCodes, loudness
from .pauses import speech_presence

MARGIN = Fraction(1, 2)  # seconds before and after the sound: a window reaches 0.17 s, then silence holds


def moment_count(sound: Sound) -> int:
    """M for this sound."""
    return math.ceil((Fraction(len(sound.samples), sound.rate) + 2 * MARGIN) * SAMPLE_RATE) + 1


def compute_performance(head: HeadFile, sound: Sound, audio_path: str) -> Generator[Progress, None, Performance]:
    """Run the encoder and the audio nets, block by block. Raises UserError as `AudioCodes` does."""
    total = moment_count(sound)
    yield Progress(0, total, -1.0, "listening")
    audio_codes = AudioCodes(head)
    times = np.arange(total) / float(SAMPLE_RATE) - float(MARGIN)
    # What looks at the whole sound comes first: its memory is given back before the codes take theirs.
    level, presence = loudness(sound, times), speech_presence(sound, times)
    rest = audio_codes.rest()
    codes = {branch: np.empty((total, len(code)), np.float32) for branch, code in rest.items()}
    pace, first = Pace(total), 0
    for block in audio_codes.codes(sound, times):
        last = first + len(next(iter(block.values())))
        for branch, code in block.items():
            codes[branch][first:last] = code
        first = last
        yield pace.at(first, "listening")
    names = head.card.expression
    return Performance(
        codes,
        rest,
        np.zeros((total, len(names)), np.float32),
        names,
        level,
        head.card.content_hash,
        sound.content_hash,
        Path(audio_path).name,
        sound.duration,
        SAMPLE_RATE,
        -MARGIN,
        presence if (presence < 1).any() else np.empty(0, np.float32),
    )
