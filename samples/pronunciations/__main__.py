# SPDX-License-Identifier: GPL-3.0-or-later
"""Pack the dictionary, and make the letter-to-sound rules from it:

    python -m talksplat.samples.pronunciations CMUDICT

CMUDICT is `cmudict-en-us.dict` of the pocketsphinx wheel (in its folder model/en-us). Says how often the rules err on
words that they were not made from: a twentieth of the dictionary, by the hash of the word.
"""

import hashlib
import sys
import zlib
from pathlib import Path

from ...core.aligning.letter_to_sound import letters_to_phones
from ...core.aligning.pronunciations import FOLDER
from ...core.formats import atomic_write
from .letter_rules import Phones, letter_rules

HELD_BACK = 13  # of 256


def read_dictionary(path: Path) -> dict[str, list[Phones]]:
    """Word -> its pronunciations, the most usual one first."""
    found: dict[str, list[Phones]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *phones = line.split()
        found.setdefault(word.split("(")[0], []).append(tuple(phones))
    return found


def write_packed(name: str, lines: list[str]) -> None:
    with atomic_write(FOLDER / name) as temporary:
        temporary.write_bytes(zlib.compress("\n".join(lines).encode(), 9))


def distance(a: Phones, b: Phones) -> int:
    """Phones to be changed, left out or put in."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def measure(rules: dict[str, Phones], words: dict[str, list[Phones]]) -> tuple[float, float]:
    """(wrong phones per phone, words without a wrong one), by the nearest of each word's pronunciations."""
    wrong = phones = whole = 0
    for word, known in words.items():
        said = letters_to_phones(word, rules)
        errors, length = min((distance(said, right), len(right)) for right in known)
        wrong, phones, whole = wrong + errors, phones + length, whole + (errors == 0)
    return wrong / phones, whole / len(words)


def main() -> None:
    dictionary = read_dictionary(Path(sys.argv[1]))
    write_packed(
        "cmudict.txt.z",
        [f"{word} {','.join(' '.join(phones) for phones in known)}" for word, known in sorted(dictionary.items())],
    )
    plain = {word: known for word, known in dictionary.items() if word.isalpha() and word.isascii()}
    unheard = {word for word in plain if hashlib.sha256(word.encode()).digest()[0] < HELD_BACK}
    rules = letter_rules([(word, known[0]) for word, known in plain.items() if word not in unheard])
    write_packed("letter_rules.txt.z", [" ".join([known, *phones]) for known, phones in sorted(rules.items())])
    errors, whole = measure(rules, {word: plain[word] for word in sorted(unheard)})
    print(
        f"{len(rules)} rules; of {len(unheard)} unheard words {errors:.1%} of the phones wrong, "
        f"{whole:.1%} of the words right"
    )


if __name__ == "__main__":
    main()
