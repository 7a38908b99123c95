# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's performance of a sound: its audio code at every moment of an even grid, and where it pauses.

Letters: M moments of the performance's own grid (SAMPLE_RATE a second), A width of a branch's code.
"""

import math
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..audio import Features, Sound
from ..formats import HeadFile
from ..jobs import Pace, Progress, Warned
from ..performance import SAMPLE_RATE, Performance
from .audio_codes import AudioCodes, loudness
from .pauses import speech_presence
from .spoken_words import SpokenWords

MARGIN = Fraction(1, 2)  # seconds before and after the sound: a window reaches 0.17 s, then silence holds


def moment_count(sound: Sound) -> int:
    """M for this sound."""
    return math.ceil((Fraction(len(sound.samples), sound.rate) + 2 * MARGIN) * SAMPLE_RATE) + 1


def compute_performance(
    head: HeadFile, sound: Sound, audio_path: str, words: SpokenWords | None = None
) -> Generator[Progress | Warned, None, Performance]:
    """Run the encoder and the audio nets, block by block. Raises UserError as `AudioCodes` does.

    words: sharpen what the encoder hears, which must be `mouth_shapes`. Then the encoder's features of the whole sound
    are held.
    """
    total = moment_count(sound)
    yield Progress(0, total, -1.0, "listening")
    audio_codes = AudioCodes(head)
    times = np.arange(total) / float(SAMPLE_RATE) - float(MARGIN)
    # What looks at the whole sound comes first: its memory is given back before the codes take theirs.
    level, presence = loudness(sound, times), speech_presence(sound, times)
    rest = audio_codes.rest()
    codes = {branch: np.empty((total, len(code)), np.float32) for branch, code in rest.items()}
    blocks = audio_codes.codes(sound, times)
    if words is not None:
        blocks = audio_codes.codes_of((yield from _sharpened(audio_codes, sound, words, total)), times)
    pace, first = Pace(total), 0
    for block in blocks:
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
        words.content_hash if words else "",
        words.name if words else "",
    )


def _sharpened(
    audio_codes: AudioCodes, sound: Sound, words: SpokenWords, total: int
) -> Generator[Progress | Warned, None, Features]:
    times, pieces = audio_codes.encoder.times(sound), []
    for piece in audio_codes.encoder.pieces(sound):
        pieces.append(piece)
        yield Progress(0, total, -1.0, "listening for the words")
    features = Features(np.concatenate(pieces), times)
    found = words.sharpen(features)
    if found is None:
        what = "words are not what is spoken here" if words.is_known else "phones are not in ARPAbet, IPA or SAMPA"
        yield Warned(f"{words.name}: its {what}, so they change nothing; align the text again.")
    return found or features
