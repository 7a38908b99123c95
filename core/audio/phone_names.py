# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that aligners give to phones, and which of the encoder's classes are heard of each.

ARPAbet is what CMU's dictionary, PocketSphinx and the Montreal Forced Aligner's older English write; IPA its newer
models and espeak-ng; SAMPA, IPA in plain letters, WebMAUS. A phone of another language is the class with the same lips:
a French y (tu) is rounded like an oo. One with a letter that is not in the tables is nothing.
"""

import unicodedata
from collections.abc import Iterable

from .mouth_net import PHONE_CLASSES

ARPABET = {  # phones without stress -> classes, one after the other
    "AA": "aa", "AE": "ae", "AH": "ah", "AO": "ao", "EH": "eh", "ER": "er", "IH": "ih", "IY": "iy", "UH": "uh",
    "UW": "uw", "AY": "aa/iy", "AW": "aa/uw", "EY": "eh/iy", "OW": "ao/uw", "OY": "ao/iy",
    "P": "p b", "B": "p b", "M": "m", "F": "f v", "V": "f v", "W": "w", "R": "r", "S": "s", "Z": "s", "L": "l",
    "N": "n", "T": "t d", "D": "t d", "TH": "th", "DH": "th", "K": "k g ng", "G": "k g ng", "NG": "k g ng", "HH": "h",
    "Y": "iy", "SH": "sh", "ZH": "sh", "CH": "sh", "JH": "sh",
}  # fmt: skip
LETTERS = {  # class -> letters of IPA and of SAMPA
    "p b": "pbɓ", "m": "m", "f v": "fvʋɱɸβ", "w": "wʍɥ", "uw": "uyøʉɯ2", "uh": "ʊʏœU9Y", "ao": "oɔɒOQ", "sh": "ʃʒɕʑSZ",
    "r": "ɹɻ", "er": "ɚɝɜ3", "aa": "aɑɐA6", "ae": "æ{", "ah": "ʌəɘ@V", "eh": "eɛE", "ih": "ɪI", "iy": "ij", "s": "sz",
    "th": "θðTD", "l": "lɫʎL", "t d": "tdɾ4", "n": "nɲJ", "k g ng": "kgɡŋxɣχʁqRNCcç", "h": "hɦ",
}  # fmt: skip
CLASS_OF = {letter: name for name, letters in LETTERS.items() for letter in letters}
NOTHING = set("0123456789ˈˌːˑ:%\"'~^_?ʔ̃ʰʲʷˠ")  # stress, length and the like, where they are no letter


def arpabet_classes(name: str) -> tuple[int, ...]:
    """Of one of ARPAbet's 39 phones without stress. Raises KeyError for any other name."""
    return tuple(PHONE_CLASSES.index(heard) for heard in ARPABET[name].split("/"))


def phone_classes(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Numbers of PHONE_CLASSES by the name of a phone; () for what is not known. names: of one file, which are in one
    alphabet."""
    names = set(names)
    if all(_arpabet(name) in ARPABET for name in names):
        return {name: arpabet_classes(_arpabet(name)) for name in names}
    return {name: _by_letters(name) for name in names}


def _arpabet(name: str) -> str:
    return name.strip("012").upper()


def _by_letters(name: str) -> tuple[int, ...]:
    letters = [letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter)]
    kinds = [CLASS_OF.get(letter, "") for letter in letters if letter in CLASS_OF or letter not in NOTHING]
    if not all(kinds):
        return ()
    distinct = [kind for i, kind in enumerate(kinds) if i == 0 or kind != kinds[i - 1]]
    return tuple(PHONE_CLASSES.index(kind) for kind in distinct)
