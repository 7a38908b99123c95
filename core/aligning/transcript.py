# SPDX-License-Identifier: GPL-3.0-or-later
"""From a text, or the cues of subtitles, to the words that are spoken, each with what is shown of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..formats import TimedLabel, UserError, read_script
from .spoken_numbers import spoken_number

MOST_WORDS = 20_000  # two hours of speech
LONGEST = 40  # letters of a word; what is longer is no word
# What is no speech: [laughs], *sighs*, <i>, and at the beginning of a line who speaks it: "ANNA:", "- ".
NO_SPEECH = re.compile(r"\[[^\]\n]{0,200}\]|\*[^*\n]{0,200}\*|<[^<>\n]{0,200}>")
SPEAKER = re.compile(r"^[ \t]*(?:[->]+[ \t]*)?(?:[A-Z][A-Z .'\d]{0,40}:)?", re.MULTILINE)
# Typographic apostrophes; and dashes and dots between two words, which may have no blanks around them.
ONE_WAY = str.maketrans(dict.fromkeys("’‘ʼ`", "'") | dict.fromkeys("—–…", " "))
SIGNS = {"&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at"}
MONEY = {"$": "dollars", "£": "pounds", "€": "euros"}
# Of a piece of text between blanks: numbers, words with their apostrophes, abbreviations with their dots, signs.
PART = re.compile(r"\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th|s\b)?|(?:[^\W\d_]\.){2,}|'?[^\W\d_]+(?:'[^\W\d_]+)*'?|[&%+=@$£€]")


class Word(NamedTuple):
    """A word of a text."""

    label: str  # as the text has it, without the marks around it
    spoken: tuple[str, ...]  # in lower case, one or more: "1984" is nineteen eighty four
    first: float = 0.0  # seconds between which it is spoken, where subtitles say so
    last: float = float("inf")


def read_transcript(path: Path | str) -> list[Word]:
    """The words of a text file, or of subtitles with the times of their cues. Raises UserError."""
    words = [word for cue in read_script(path) for word in words_of(cue)]
    if not words:
        raise UserError(f"{path}: holds no words; choose the text that is spoken.")
    if len(words) > MOST_WORDS:
        raise UserError(f"{path}: has more than {MOST_WORDS} words; cut it to what is spoken in the sound.")
    return words


def words_of(cue: TimedLabel) -> Iterator[Word]:
    """The words of some text that is spoken between two times."""
    text = NO_SPEECH.sub(" ", cue.label.translate(ONE_WAY))
    for piece in SPEAKER.sub(" ", text).split():
        spoken = tuple(word for part in PART.findall(piece) for word in _spoken(part) if len(word) <= LONGEST)
        if spoken:
            yield Word(piece.strip('.,;:!?"“”„«»()-'), _money_last(spoken), cue.start, cue.end)


def _spoken(part: str) -> list[str]:
    if part in SIGNS or part in MONEY:
        return [SIGNS.get(part) or MONEY[part]]
    return spoken_number(part) or [part.lower()]


def _money_last(spoken: tuple[str, ...]) -> tuple[str, ...]:
    """$5 is five dollars."""
    return (*spoken[1:], spoken[0]) if len(spoken) > 1 and spoken[0] in MONEY.values() else spoken
