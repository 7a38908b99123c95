# SPDX-License-Identifier: GPL-3.0-or-later
"""How lively a line is spoken, by its loudness alone, and the *Mouth Open* that suits it; a suggestion, which nothing
applies. How far a person opens the mouth cannot be told from a sound; how their line differs from reading can.

Letters: T samples of a performance's loudness.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from .condition import Performance

RANGE = 30.0  # dB below the loud passages: speech; what is softer is room and breath
LOUD = 95.0  # percentile of the level: the loud passages
SMOOTH = 0.08  # seconds from end to end of the average before the level is taken: longer than a period of any voice
LEAST = 1.0  # seconds of speech, below which nothing is said
# dB a second, on 625 recordings (docs/directing.md): ordinary reading's median, and from where on a line is livelier
# than it: 88 % of 40 clips acted angry or happy are, 23 % of 30 acted neutral, bored or sad, 11 % of 512 read.
ORDINARY, LIVELY = 121.0, 155.0
# dB a second for each unit of the opening; the widest that is suggested; its step. Not in the paper: chosen because an
# angry line (median 175) then gets 1.2, and what is suggested must not be more than the preset for clear speech.
PER_OPENING, WIDEST, STEP = 270.0, 1.3, 0.05


def level_change(loudness: np.ndarray, rate: Fraction) -> float | None:
    """The mean change of the level while somebody speaks, dB a second. loudness [T], 0..1; its scale does not matter.
    None for less speech than LEAST."""
    width = max(round(SMOOTH * float(rate)), 1)
    window = np.hanning(width + 1)[1:-1] if width > 1 else np.ones(1)
    level = 20 * np.log10(np.convolve(loudness, window / window.sum(), "same") + 1e-6)
    speech = level > max(np.percentile(level, LOUD) - RANGE, -100.0)
    speaking = speech[1:] & speech[:-1]
    if speaking.sum() < LEAST * rate:
        return None
    return float(np.abs(np.diff(level))[speaking].mean() * rate)


def suggested_opening(performances: Sequence[Performance]) -> float | None:
    """The *Mouth Open* that suits the lines together, above 1 to WIDEST; None where they are not livelier than ordinary
    reading, or too short to tell. A dull line cannot be told from a dull room, so that less than 1 is never said."""
    found = [(level_change(p.loudness, p.rate), p.duration) for p in performances]
    known = [(change, seconds) for change, seconds in found if change is not None]
    total = sum(seconds for _, seconds in known)
    mean = sum(change * seconds for change, seconds in known) / total if total else 0.0
    if mean < LIVELY:
        return None
    steps = round((mean - ORDINARY) / PER_OPENING / STEP)
    return min(round(1 + STEP * steps, 2), WIDEST)
