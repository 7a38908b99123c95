# SPDX-License-Identifier: GPL-3.0-or-later
"""Word timings of the GRID corpus (`NAME.align`), and where in them the lips must meet or may rest.

GRID (Cooke, Barker, Cunningham & Shao, JASA 120:2421, 2006) gives lines `start end word`, 25000 units a second, which
is 1000 a video frame. Words are timed, phones are not, so the bilabial spans are an APPROXIMATION: each of the words
below has one bilabial, at its start or at its end, and the span reaches from the boundary a little to either side.
Span widths are not in the paper: chosen because aligners are off by 20 ms in the median and 60 ms at the 90th
percentile, a closure lasts 50 to 120 ms, and lips close before the word is heard to begin.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..formats import UserError, open_untrusted
from .spans import Span

UNITS = 25000  # a second
LARGEST = 1 << 16  # bytes; a real file has about 150
PAUSES = ("sil", "sp")
STARTS = ("b", "bin", "blue", "by", "p", "place", "please")  # the letters as they are spoken: bee, pee
ENDS = ("m",)  # em
BEFORE, AFTER = 0.08, 0.10  # seconds to either side of a word's start; mirrored at its end


@dataclass(frozen=True)
class TimedWord:
    """A word as it is timed in the sound."""

    start: float  # seconds
    end: float  # seconds
    label: str


def read_align(path: str | Path) -> list[TimedWord]:
    """The rows of one file, in seconds. Raises UserError for what is not such a file."""
    path = Path(path)
    with open_untrusted(path) as (file, size):
        if size > LARGEST:
            raise UserError(f"{path} is too large for word timings; give the .align file of one GRID clip.")
        try:
            lines = file.read(LARGEST).decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not text; give the .align file of a GRID clip.") from error
    words = [_word(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not words:
        raise UserError(f"{path} holds no words; give the .align file of a GRID clip.")
    return words


def _word(path: Path, number: int, line: str) -> TimedWord:
    try:
        first, last, label = line.split()
        word = TimedWord(float(first) / UNITS, float(last) / UNITS, label.lower())
    except ValueError:
        word = None
    if word is None or not (math.isfinite(word.end) and 0 <= word.start <= word.end):
        raise UserError(
            f"{path} line {number} is not `start end word` with start before end; repair the line or leave "
            "the file out."
        )
    return word


def bilabial_spans(words: Iterable[TimedWord]) -> list[Span]:
    """Where p, b and m are spoken, roughly: around the start of bin, blue, by, place, please and the letters b and p,
    around the end of the letter m; at most half the word is taken."""
    spans = []
    for word in words:
        within = min(AFTER, (word.end - word.start) / 2)
        if word.label in STARTS:
            spans.append(Span(max(word.start - BEFORE, 0.0), word.start + within))
        elif word.label in ENDS:
            spans.append(Span(word.end - within, word.end + BEFORE))
    return spans


def word_pauses(words: Iterable[TimedWord]) -> list[Span]:
    """Where nobody speaks: `sil` and `sp`."""
    return [Span(word.start, word.end) for word in words if word.label in PAUSES]
