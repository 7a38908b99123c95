# SPDX-License-Identifier: GPL-3.0-or-later
"""Letter-to-sound rules from a dictionary: which phones each letter of each word stands for (Viterbi training on
counts), then the narrowest surroundings that tell them apart."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from ...core.aligning.letter_to_sound import surroundings

Phones = tuple[str, ...]
ROUNDS = 3
LEAST = 2  # words that must share a rule; not in the paper: chosen because single words are in the dictionary itself
NEVER = -12.0  # logarithm of what was not counted


def letter_rules(words: list[tuple[str, Phones]]) -> dict[str, Phones]:
    """Surroundings -> phones."""
    counted: dict[str, Counter[Phones]] = defaultdict(Counter)
    for word, parts in aligned_letters(words):
        for place, phones in enumerate(parts):
            for known in surroundings(word, place):
                counted[known][phones] += 1
    rules: dict[str, Phones] = {}
    for known in sorted(counted, key=lambda known: (len(known), known)):
        phones, count = min(counted[known].items(), key=lambda item: (-item[1], item[0]))
        if count >= LEAST and phones != _narrower(rules, known):
            rules[known] = phones
    return rules


def _narrower(rules: dict[str, Phones], known: str) -> Phones | None:
    """What the narrower surroundings of these say already."""
    left, letter, right = known.split(".")
    found = None
    for narrow in surroundings_of(left, letter, right):
        found = rules.get(narrow, found)
    return found


def surroundings_of(left: str, letter: str, right: str) -> Iterable[str]:
    """Those within a stretch of a word."""
    for known in surroundings(left + letter + right, len(left)):
        a, _, b = known.split(".")
        if len(a) <= len(left) and len(b) <= len(right):
            yield known


def aligned_letters(words: list[tuple[str, Phones]]) -> list[tuple[str, list[Phones]]]:
    """The phones of each letter: none, one or two. Words for which that is too few are left out."""
    costs: dict[tuple[str, Phones], float] = {}
    aligned: list[tuple[str, list[Phones]]] = []
    for round_ in range(ROUNDS):
        some = words if round_ == ROUNDS - 1 else words[::5]
        aligned = [(word, parts) for word, phones in some if (parts := _align(word, phones, costs))]
        counts = Counter((letter, part) for word, parts in aligned for letter, part in zip(word, parts))
        totals = Counter(letter for word, _ in aligned for letter in word)
        costs = {key: math.log(count / totals[key[0]]) for key, count in counts.items()}
    return aligned


def _align(word: str, phones: Phones, costs: dict[tuple[str, Phones], float]) -> list[Phones]:
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for at, letter in enumerate(word):
        reached: dict[int, tuple[float, int]] = {}
        rest = len(word) - at - 1
        for done, (score, _) in best[-1].items():
            for count in (0, 1, 2):
                after = done + count
                if after > len(phones) or len(phones) - after > 2 * rest:
                    continue
                part = phones[done:after]
                value = score + (costs.get((letter, part), NEVER) if costs else _first_guess(letter, part))
                if after not in reached or value > reached[after][0]:
                    reached[after] = (value, done)
        best.append(reached)
    if len(phones) not in best[-1]:
        return []
    parts, at = [], len(phones)
    for step in reversed(best[1:]):
        before = step[at][1]
        parts.append(phones[before:at])
        at = before
    return parts[::-1]


def _first_guess(letter: str, part: Phones) -> float:
    """Before anything was counted: one phone a letter, vowels for vowels."""
    if len(part) != 1:
        return -2.0 - len(part)
    return 0.0 if (letter in "aeiouy") == (part[0][0] in "AEIOU") else -3.0
