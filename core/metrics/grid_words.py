# SPDX-License-Identifier: GPL-3.0-or-later
"""Word timings of the GRID corpus (`NAME.align`), and where in them the lips must meet or may rest.

GRID (Cooke, Barker, Cunningham & Shao, JASA 120:2421, 2006) gives lines `start end word`, 25000 units a second, which
is 1000 a video frame. Words are timed, phones are not, so the bilabial spans are an APPROXIMATION: each of the words
below has one bilabial, at its start or at its end, and the span reaches from the boundary a little to either side.
Span widths are not in the paper: chosen because aligners are off by 20 ms in the median and 60 ms at the 90th
percentile, a closure lasts 50 to 120 ms, and lips close before the word is heard to begin.
"""

from collections.abc import Iterable
from pathlib import Path

from ..formats import GRID_UNITS, TimedLabel, UserError, label_lines, open_untrusted
from .spans import Span

LARGEST = 1 << 16  # bytes; a real file has about 150
PAUSES = ("sil", "sp")
STARTS = ("b", "bin", "blue", "by", "p", "place", "please")  # the letters as they are spoken: bee, pee
ENDS = ("m",)  # em
BEFORE, AFTER = 0.08, 0.10  # seconds to either side of a word's start; mirrored at its end


def read_align(path: str | Path) -> list[TimedLabel]:
    """The rows of one file, in seconds. Raises UserError for what is not such a file."""
    path = Path(path)
    with open_untrusted(path) as (file, size):
        if size > LARGEST:
            raise UserError(f"{path} is too large for word timings; give the .align file of one GRID clip.")
        try:
            text = file.read(LARGEST).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not text; give the .align file of a GRID clip.") from error
    words = [word._replace(label=word.label.lower()) for word in label_lines(text, GRID_UNITS, path)]
    if not words:
        raise UserError(f"{path} holds no words; give the .align file of one GRID clip.")
    return words


def bilabial_spans(words: Iterable[TimedLabel]) -> list[Span]:
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


def word_pauses(words: Iterable[TimedLabel]) -> list[Span]:
    """Where nobody speaks: `sil` and `sp`."""
    return [Span(word.start, word.end) for word in words if word.label in PAUSES]
