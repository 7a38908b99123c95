# SPDX-License-Identifier: GPL-3.0-or-later
"""How English words are spoken: by the CMU Pronouncing Dictionary, and by letter-to-sound rules where it has none.

Phones are the dictionary's 39, without stress. Both files are text, compressed: `samples.pronunciations` makes them.
"""

import unicodedata
import zlib
from functools import lru_cache
from pathlib import Path

from ..formats import UserError
from .letter_to_sound import letters_to_phones

FOLDER = Path(__file__).parent / "english"
LARGEST = 1 << 23  # bytes of a file when it is open
MOST = 4  # pronunciations of a word: the dictionary has up to six, of which the last ones are rare
ENDINGS = {"'s": ("Z",), "'ll": ("L",), "'d": ("D",), "'ve": ("V",), "'re": ("ER",)}
VOICELESS, HISSING = {"P", "T", "K", "F", "TH"}, {"S", "Z", "SH", "ZH", "CH", "JH"}
VOWELS = set("aeiouy")

Phones = tuple[str, ...]


def pronunciations(spoken: tuple[str, ...]) -> list[Phones]:
    """Those of one or more words in lower case, spoken as one: each word's first, and for a single word all.

    Never empty: what has no letter that is known is a schwa.
    """
    if len(spoken) == 1:
        return word_pronunciations(spoken[0])
    return [tuple(phone for word in spoken for phone in word_pronunciations(word)[0])]


def word_pronunciations(word: str) -> list[Phones]:
    """Of one word in lower case."""
    for name in (word, word.strip("'"), word.replace(".", "")):
        if found := _dictionary().get(name):
            return [tuple(phones.split()) for phones in found.split(",")][:MOST]
    for ending, phones in ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending):
            return [(*base, *_ending(base, phones)) for base in word_pronunciations(word[: -len(ending)])]
    letters = "".join(letter for letter in unicodedata.normalize("NFKD", word) if letter.isalpha())  # é is an e
    if "." in word or not VOWELS & set(letters):  # an abbreviation: b.b.c., pdf
        names = (_dictionary().get(letter, "AH").split(",")[0] for letter in letters or "?")
        return [tuple(" ".join(names).split())]
    return [letters_to_phones(letters, _rules()) or ("AH",)]


def _ending(base: Phones, phones: Phones) -> Phones:
    if phones != ("Z",):
        return phones
    return ("S",) if base[-1] in VOICELESS else ("IH", "Z") if base[-1] in HISSING else phones


@lru_cache(maxsize=1)
def _dictionary() -> dict[str, str]:
    """Word -> its pronunciations, with commas between them."""
    return dict(line.split(" ", 1) for line in _lines("cmudict.txt.z"))


@lru_cache(maxsize=1)
def _rules() -> dict[str, Phones]:
    lines = (line.split() for line in _lines("letter_rules.txt.z"))
    return {known: tuple(phones) for known, *phones in lines}


def _lines(name: str) -> list[str]:
    path = FOLDER / name
    try:
        packed = path.read_bytes()
        opened = zlib.decompressobj()
        text = opened.decompress(packed, LARGEST)
        if not opened.eof:
            raise ValueError
        return text.decode().splitlines()
    except (OSError, ValueError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read; reinstall talksplat.") from error
