# SPDX-License-Identifier: GPL-3.0-or-later
"""How an English word that is in no dictionary is probably spoken: each letter by the letters around it.

The rules are a decision list a letter, grown from the dictionary: the widest surroundings that are listed decide
(IGTree: Daelemans & van den Bosch, "Language-independent data-oriented grapheme-to-phoneme conversion", 1996).
docs/research/align.md says how often they err.
"""

from collections.abc import Iterator, Mapping

EDGE = "#"  # before a word's first letter, behind its last one
# How many letters to the left and to the right a rule looks at, from the narrowest to the widest.
SURROUNDINGS = ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 4))


def surroundings(word: str, place: int) -> Iterator[str]:
    """What the rules know of a letter, from the narrowest to the widest: "left.letter.right"."""
    reach = max(max(pair) for pair in SURROUNDINGS)
    padded = EDGE * reach + word + EDGE * reach
    at = place + reach
    for left, right in SURROUNDINGS:
        yield f"{padded[at - left : at]}.{padded[at]}.{padded[at + 1 : at + 1 + right]}"


def letters_to_phones(word: str, rules: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The phones of a word in lower case; letters without a rule are silent."""
    phones: list[str] = []
    for place in range(len(word)):
        found: tuple[str, ...] = ()
        for known in surroundings(word, place):
            found = rules.get(known, found)
        phones += found
    return tuple(phones)
