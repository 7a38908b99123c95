# SPDX-License-Identifier: GPL-3.0-or-later
"""The likeliest way through a graph, against all ways there are; and what it costs."""

from itertools import combinations

import numpy as np
import pytest

from talksplat.core.aligning.best_path import SKIP, best_path
from talksplat.core.aligning.heard_phones import Phone
from talksplat.core.aligning.phone_graph import LEAST_PHONE, LEAST_SILENCE, NOBODY, phone_graph


def result(steps):
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def graph_of(words):
    """Of words whose pronunciations are numbers of classes; 0 is silence."""
    return phone_graph([[[Phone(str(heard), (heard,)) for heard in way] for way in ways] for ways in words])


def every_way(words, scores):
    """The best score of all: each choice of pronunciations, silences and words that are skipped, each way to part the
    moments among them."""

    def chains(rest, done, price):
        if not rest:
            yield done, price
            yield [*done, (0, LEAST_SILENCE)], price
            return
        yield from chains(rest[1:], done, price + SKIP)
        for pause in ([], [(0, LEAST_SILENCE)]):
            for phones in rest[0]:
                yield from chains(rest[1:], [*done, *pause, *((phone, LEAST_PHONE) for phone in phones)], price)

    best, sums = -np.inf, np.vstack([np.zeros(scores.shape[1]), np.cumsum(scores, axis=0)])
    for chain, price in chains(words, [], 0.0):
        for cuts in combinations(range(1, len(scores)), len(chain) - 1) if chain else ():
            edges = [0, *cuts, len(scores)]
            if all(b - a >= least for a, b, (_, least) in zip(edges, edges[1:], chain)):
                value = sum(sums[b, phone] - sums[a, phone] for a, b, (phone, _) in zip(edges, edges[1:], chain))
                best = max(best, value - price)
    return best


@pytest.mark.parametrize("seed", range(12))
def test_no_other_way_is_likelier(seed):
    rng = np.random.default_rng(seed)
    words = [[(1, 2), (3,)], [(2,)]]
    scores = rng.normal(scale=(0.3, 2.0)[seed % 2], size=(16, 4))
    graph = graph_of(words)
    path = result(best_path(graph, [scores[:5], scores[5:]]))
    skipped = set(range(len(words))) - set(graph.word[path].tolist())
    score = scores[np.arange(16), graph.heard[path]].sum() - SKIP * len(skipped)
    assert score == pytest.approx(every_way(words, scores), abs=1e-4)


def scores_of(phones, count, right=0.0, wrong=-4.0):
    """The logarithms of a sound whose phone at each moment is known."""
    scores = np.full((len(phones), count), wrong, np.float32)
    scores[np.arange(len(phones)), phones] = right
    return scores


def test_a_long_text_is_found_where_it_was_put():
    """Random phones, no two neighbours the same, with pauses of random length."""
    rng = np.random.default_rng(0)
    phones = 1 + np.cumsum(rng.integers(1, 11, size=600)) % 11  # steps below 11: neighbours differ
    words = [[tuple(word.tolist())] for word in np.split(phones, np.arange(3, 600, 3))]
    spoken, starts = [], []
    for [word] in words:
        spoken += [0] * int(rng.choice([0, 0, 30, 200]))
        starts.append(len(spoken))
        for phone in word:
            spoken += [phone] * int(rng.integers(5, 15))
    graph = graph_of(words)
    path = result(best_path(graph, np.array_split(scores_of(spoken, 12), 20)))
    assert [int(np.argmax(graph.word[path] == number)) for number in range(len(words))] == starts


@pytest.mark.parametrize("here", [[0, 1], [0, 3], [2], [1, 3]])
def test_words_that_are_not_spoken_are_skipped_wherever_they_are(here):
    words = [[(1,)], [(2,)], [(3, 4, 5)], [(6,), (7,)]]
    graph = graph_of(words)
    spoken = [phone for number in here for phone in words[number][-1] for _ in range(10)]
    path = result(best_path(graph, [scores_of(spoken, 8, wrong=-20)]))
    assert sorted(set(graph.word[path].tolist())) == here
    assert graph.heard[path].tolist() == spoken


def test_a_paragraph_that_is_not_spoken_is_skipped():
    words = [[(1, 2)], *[[(3, 4, 5)]] * 40, [(6, 7)]]
    graph = graph_of(words)
    path = result(best_path(graph, [scores_of([1] * 10 + [2] * 10 + [6] * 10 + [7] * 10, 8, wrong=-20)]))
    assert set(graph.word[path].tolist()) == {0, 41}


def test_silence_may_be_anywhere_and_belongs_to_no_word():
    graph = graph_of([[(1,)], [(2,)]])
    path = result(best_path(graph, [scores_of([0] * 9 + [1] * 9 + [0] * 9 + [2] * 9 + [0] * 9, 3)]))
    assert graph.word[path].tolist() == [NOBODY] * 9 + [0] * 9 + [NOBODY] * 9 + [1] * 9 + [NOBODY] * 9
