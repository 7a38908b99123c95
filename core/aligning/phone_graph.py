# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which a text may be spoken as a chain of states, one a moment: each word in one of its pronunciations,
and between any two words, before the first and behind the last silence or not.

A class that is heard of a phone is as many states as it lasts moments at least; in the last of them it may stay. A
state is reached from itself, from the one before it in the chain, or, where a word or a silence begins, from the
junction before it: there the ways meet that end the word before, or the silence between.

Letters: S states, N words, N + 1 junctions, E entries (states with which a pronunciation or a silence begins), J ends
that lead to one junction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .heard_phones import SILENCE, Phone

Pronunciation = Sequence[Phone]
# Moments of 10 ms. Not in the paper: chosen because a schwa or a flapped t lasts 20 to 30 ms in fast speech, and a
# silence shorter than the closure of a t is one.
LEAST_PHONE, LEAST_HALF, LEAST_SILENCE = 3, 2, 6  # a half: one end of a diphthong
NOBODY = -1  # the word of a silence


@dataclass(frozen=True)
class PhoneGraph:
    """The states in the order of the text."""

    heard: np.ndarray  # [S] int64: number of the class
    word: np.ndarray  # [S] int64: number of the word, NOBODY in silence
    phone: np.ndarray  # [S] int64: the states of one phone share a number of `names`
    names: tuple[str, ...]  # of the phones; "" of a silence
    stays: np.ndarray  # [S] bool: may last
    chained: np.ndarray  # [S] bool: follows from the state before it
    entries: np.ndarray  # [E] int64 states, ascending
    junctions: np.ndarray  # [E] int64: the junction that leads to each, ascending
    ends: np.ndarray  # [N+1,J] int64: the states that lead to each junction, -1: none


def phone_graph(words: Sequence[Sequence[Pronunciation]]) -> PhoneGraph:
    """The graph of words, each with one or more pronunciations. Raises ValueError for none."""
    if not words or not all(pronunciations and all(pronunciations) for pronunciations in words):
        raise ValueError("a graph needs words, and each of them a pronunciation")
    building = _Building()
    building.silence()
    for number, pronunciations in enumerate(words):
        for phones in pronunciations:
            building.spoken(phones, number)
        building.silence()
    return building.graph()


@dataclass
class _Building:
    heard: list[int] = field(default_factory=list)
    word: list[int] = field(default_factory=list)
    phone: list[int] = field(default_factory=list)
    stays: list[bool] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    entries: dict[int, int] = field(default_factory=dict)  # state -> the junction that leads to it
    ends: list[list[int]] = field(default_factory=list)  # of each junction, the states that lead to it
    word_ends: list[int] = field(default_factory=list)  # of the word at hand

    def silence(self) -> None:
        """Append the next junction with its silence, which leads from it back to it."""
        self.ends.append(self.word_ends)
        self.entries[len(self.heard)] = len(self.ends) - 1
        self.names.append("")
        self._append(SILENCE, NOBODY, LEAST_SILENCE)
        self.ends[-1].append(len(self.heard) - 1)
        self.word_ends = []

    def spoken(self, phones: Pronunciation, word: int) -> None:
        """Append a way to speak a word, from the last junction to the next one."""
        self.entries[len(self.heard)] = len(self.ends) - 1
        for name, classes in phones:
            self.names.append(name)
            for heard in classes:
                self._append(heard, word, LEAST_PHONE if len(classes) == 1 else LEAST_HALF)
        self.word_ends.append(len(self.heard) - 1)

    def _append(self, heard: int, word: int, least: int) -> None:
        self.heard += [heard] * least
        self.word += [word] * least
        self.phone += [len(self.names) - 1] * least
        self.stays += [False] * (least - 1) + [True]

    def graph(self) -> PhoneGraph:
        ends = np.full((len(self.ends), max(map(len, self.ends))), -1, np.int64)
        for junction, states in enumerate(self.ends):
            ends[junction, : len(states)] = states
        entries, junctions = (np.array(list(values), np.int64) for values in (self.entries, self.entries.values()))
        chained = np.ones(len(self.heard), bool)
        chained[entries] = False
        heard, word, phone = (np.array(values, np.int64) for values in (self.heard, self.word, self.phone))
        stays = np.array(self.stays)
        return PhoneGraph(heard, word, phone, tuple(self.names), stays, chained, entries, junctions, ends)
