# SPDX-License-Identifier: GPL-3.0-or-later
"""When each word of a text is spoken in a sound, how well what is heard fits it, and which words are not heard.

Letters: T moments of 10 ms, Q classes of phones, N words.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from ..formats import TimedLabel
from .best_path import WordTimes, best_path
from .heard_phones import MOMENT, SILENCE
from .phone_graph import NOBODY, PhoneGraph, Pronunciation, phone_graph

# What a moment of noise or of speech that is not in the text costs in a silence; how far before and behind a cue its
# words may be for nothing. Not in the paper: chosen on the clips of docs/research/align.md.
UNWRITTEN, AROUND_CUE = 3.0, 0.5
WRONG = -6.0  # of a class's logarithm below the best one's: a moment that was misheard must not rule out a word
# The fit below which words are not those of the sound, and how fast confidence falls around it; how many words to
# either side say whether one is heard; what a word that was skipped counts for, its fit and its seconds.
HEARD, SHARP, AROUND, SKIPPED = -0.75, 10.0, 3, (-2.0, 0.1)


@dataclass(frozen=True)
class AlignedWord:
    """A word of the text in the sound."""

    start: float  # seconds of the sound
    end: float
    phones: tuple[TimedLabel, ...]
    fit: float  # mean over its moments of ln(the class's probability / the likeliest's), 0 is best


def align_words(
    scores: np.ndarray,  # [T,Q] as `class_scores` gives them
    words: Sequence[Sequence[Pronunciation]],  # [N]
    cues: Sequence[tuple[float, float]] = (),  # [N] seconds between which each is spoken; none: it is not known
) -> Generator[int, None, list[AlignedWord | None]]:
    """[N]: each word, None where it is not in the sound. Yields how many moments are done."""
    graph = phone_graph(words)
    fits = np.maximum(scores - scores.max(axis=1, keepdims=True), np.float32(WRONG))
    searched = fits.copy()
    searched[:, SILENCE] = np.maximum(fits[:, SILENCE], np.float32(-UNWRITTEN))
    path = yield from best_path(graph, np.array_split(searched, max(1, len(searched) // 500)), _times(graph, cues))
    return _words(graph, path, fits[np.arange(len(path)), graph.heard[path]], len(words))


def _times(graph: PhoneGraph, cues: Sequence[tuple[float, float]]) -> WordTimes | None:
    if not cues:
        return None
    number = np.maximum.accumulate(graph.word)  # a silence belongs to the word before it
    first = (np.array([start for start, _ in cues]) - AROUND_CUE) / MOMENT
    last = (np.array([end for _, end in cues]) + AROUND_CUE) / MOMENT
    in_word = graph.word != NOBODY
    return WordTimes(np.where(in_word, first[number], -np.inf), np.where(in_word, last[number], np.inf))


def _words(graph: PhoneGraph, path: np.ndarray, fits: np.ndarray, count: int) -> list[AlignedWord | None]:
    found: list[AlignedWord | None] = [None] * count
    for a, b in _runs(graph.word[path]):
        number = int(graph.word[path[a]])
        if number == NOBODY:
            continue
        phones = tuple(
            TimedLabel((a + c) * MOMENT, (a + d) * MOMENT, graph.names[graph.phone[path[a + c]]])
            for c, d in _runs(graph.phone[path[a:b]])
        )
        found[number] = AlignedWord(a * MOMENT, b * MOMENT, phones, float(fits[a:b].mean()))
    return found


def _runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Where equal values stand side by side, (first, behind the last)."""
    edges = np.flatnonzero(np.diff(values)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(values)]))


def heard(words: Sequence[AlignedWord | None]) -> np.ndarray:
    """[N] bool: whether the sound says what the text does there, by the words around each."""
    fits, lengths = _fits(words)
    window, inside = np.ones(2 * AROUND + 1), slice(AROUND, AROUND + len(words))
    around = np.convolve(fits * lengths, window)[inside] / np.convolve(lengths, window)[inside]
    return (around > HEARD) & np.array([word is not None for word in words])


def confidence(words: Sequence[AlignedWord | None]) -> float:
    """0..1: how surely this text is spoken in this sound."""
    fits, lengths = _fits(words)
    return float(1 / (1 + np.exp(-(np.average(fits, weights=lengths) - HEARD) * SHARP)))


def _fits(words: Sequence[AlignedWord | None]) -> tuple[np.ndarray, np.ndarray]:
    """([N] fit, [N] seconds)."""
    rows = [(word.fit, word.end - word.start) if word else SKIPPED for word in words]
    fits, lengths = np.array(rows).T
    return fits, lengths
