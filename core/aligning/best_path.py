# SPDX-License-Identifier: GPL-3.0-or-later
"""The likeliest way through a phone graph (Viterbi), within a beam: memory and time grow with the sound alone.

Letters: T moments, Q classes of phones, S states, N words; at each moment the states from `low` to `high` are alive.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np

from .phone_graph import PhoneGraph

# Natural logarithms of probability: how far behind the best a way is left, what it costs that a word of the text is not
# spoken, and what a moment outside of a cue's times does. Not in the paper: chosen because three moments of a wrong
# phone cost more than SKIP, so that what is not spoken is skipped rather than pressed in; and so that 40 words can be.
BEAM, SKIP, OUTSIDE = 700.0, 16.0, 2.0
WIDEST = 2000  # states alive to either side of the best
NEVER = np.float32(-1e30)


@dataclass(frozen=True)
class WordTimes:
    """Between which moments each state is expected, [S] each; where subtitles say so."""

    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class _Step:
    """Where the states of a moment were reached from: the one before in the chain, a junction, else themselves."""

    low: int
    chain: np.ndarray  # of the states from `low`, a bit each, for they are kept for the whole sound
    enter: np.ndarray
    first: int
    ends: np.ndarray  # int32, of the junctions from `first`: the state that ended before

    def before(self, state: int, graph: PhoneGraph) -> int:
        """The state of the moment before."""
        place = state - self.low
        if _bit(self.enter, place):
            return int(self.ends[graph.junctions[np.searchsorted(graph.entries, state)] - self.first])
        return state - 1 if _bit(self.chain, place) else state


def _bit(packed: np.ndarray, place: int) -> bool:
    return bool(packed[place >> 3] >> (7 - (place & 7)) & 1)


class _Search:
    """The scores of all states at a moment, and the steps to it."""

    def __init__(self, graph: PhoneGraph, times: WordTimes | None) -> None:
        self.graph, self.times = graph, times
        self.scores = np.full(len(graph.heard) + 1, NEVER, np.float32)  # the last: what -1 leads to
        self.low = self.high = 0
        self.steps: list[_Step] = []

    def step(self, scores: np.ndarray) -> None:
        """One moment on. scores [Q]: the logarithms of the classes' probabilities."""
        graph = self.graph
        first, values, ends = self._junctions()
        rows = slice(*np.searchsorted(graph.junctions, (first, first + len(values))))
        entries = graph.entries[rows]
        low = min(self.low, int(entries[0])) if self.steps else 0
        high = min(max(self.high, int(entries[-1])) + 1, len(graph.heard))
        reached, chain = self._along_chains(low, high)
        value, at = values[graph.junctions[rows] - first], entries - low
        enters = value > reached[at]
        reached[at[enters]] = value[enters]
        enter = np.zeros(len(reached), bool)
        enter[at] = enters
        reached += scores[graph.heard[low:high]] - self._outside(low, high)
        self.steps.append(_Step(low, np.packbits(chain), np.packbits(enter), first, ends))
        self._keep(reached, low)

    def _junctions(self) -> tuple[int, np.ndarray, np.ndarray]:
        """(the first junction, the scores of those from there, the state that each is best reached from).

        Any number of words may be skipped: of b[j] the best is the maximum of b[i] - SKIP (j - i) over i <= j.
        """
        graph, reach = self.graph, int(BEAM / SKIP)
        if not self.steps:
            count = min(reach, len(graph.ends) - 1) + 1
            return 0, np.arange(count, dtype=np.float32) * np.float32(-SKIP), np.full(count, -1, np.int32)
        first = int(np.searchsorted(graph.ends[:, 0], self.low))
        stop = min(int(np.searchsorted(graph.ends[:, 0], self.high)) + reach, len(graph.ends))
        first = min(max(first - 1, 0), stop - 1)
        ends = graph.ends[first:stop]
        values = self.scores[ends]
        which = values.argmax(axis=1)
        rows = np.arange(len(ends))
        priced = values[rows, which] + np.float32(SKIP) * rows
        best = np.maximum.accumulate(priced)
        source = np.maximum.accumulate(np.where(priced == best, rows, 0))
        return first, best - np.float32(SKIP) * rows, ends[source, which[source]].astype(np.int32)

    def _along_chains(self, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        graph, scores = self.graph, self.scores
        before = scores[low - 1 : high - 1] if low else np.concatenate([scores[-1:], scores[: high - 1]])
        stay = np.where(graph.stays[low:high], scores[low:high], NEVER)
        chain = np.where(graph.chained[low:high], before, NEVER)
        return np.maximum(stay, chain), chain > stay

    def _outside(self, low: int, high: int) -> np.ndarray | float:
        if self.times is None:
            return 0.0
        moment = len(self.steps)
        return np.float32(OUTSIDE) * ((self.times.first[low:high] > moment) | (self.times.last[low:high] < moment))

    def _keep(self, reached: np.ndarray, low: int) -> None:
        """Leave the states outside of the beam, and make the best one's score 0: sums of hours stay exact."""
        best = int(reached.argmax())
        reached = reached - reached[best]
        alive = np.flatnonzero(reached > -BEAM)
        first, last = max(int(alive[0]), best - WIDEST), min(int(alive[-1]) + 1, best + WIDEST)
        self.scores[self.low : self.high] = NEVER
        self.low, self.high = low + first, low + last
        self.scores[self.low : self.high] = reached[first:last]

    def path(self) -> np.ndarray:
        """[T] states of the best way that ends with a word or a silence; words behind it are skipped."""
        graph = self.graph
        prices = np.float32(SKIP) * (len(graph.ends) - 1 - np.arange(len(graph.ends)))
        values = self.scores[graph.ends] - prices[:, None]
        state = int(graph.ends.flat[values.argmax()])
        if self.scores[state] <= NEVER / 2:  # the sound ends within its first word
            state = self.low + int(self.scores[self.low : self.high].argmax())
        path = np.empty(len(self.steps), np.int64)
        for moment in range(len(self.steps) - 1, -1, -1):
            path[moment] = state
            state = self.steps[moment].before(state, graph)
        return path


def best_path(
    graph: PhoneGraph, scores: Iterable[np.ndarray], times: WordTimes | None = None
) -> Generator[int, None, np.ndarray]:
    """[T] int64: the state at each moment. scores: the classes' logarithms [<=T,Q] at a time, T > 0 in all.

    Words of the text may be skipped, one by one or many. Yields how many moments are done.
    """
    search = _Search(graph, times)
    for block in scores:
        for moment in block.astype(np.float32, copy=False):
            search.step(moment)
        yield len(search.steps)
    return search.path()
