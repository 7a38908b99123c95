# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as they are read out in English: 42, 1984, 3.5, 21st, 1,000,000."""

import re

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
GROUPS = ("", "thousand", "million", "billion", "trillion")
ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
ORDINALS |= {"twelve": "twelfth"}
NUMBER = re.compile(r"(\d[\d,]*)(?:\.(\d+))?(st|nd|rd|th|s)?")
MOST_DIGITS = 15  # longer ones are read digit by digit, like those that begin with a zero
YEARS = range(1100, 2000), range(2010, 2100)


def spoken_number(text: str) -> list[str]:
    """The words of a number in figures; none for anything else."""
    match = NUMBER.fullmatch(text.lower())
    if not match:
        return []
    whole, decimals, ending = match[1].replace(",", ""), match[2], match[3] or ""
    words = _whole(whole, is_year="," not in match[1] and decimals is None)
    if decimals is not None:
        words += ["point", *(ONES[int(digit)] for digit in decimals)]
    if ending == "s":
        return [*words[:-1], _plural(words[-1])]
    return [*words[:-1], _ordinal(words[-1])] if ending else words


def cardinal(value: int) -> list[str]:
    """0 <= value < 10^15."""
    if value < 20:
        return [ONES[value]]
    if value < 100:
        return [TENS[value // 10], *([ONES[value % 10]] if value % 10 else [])]
    if value < 1000:
        return [ONES[value // 100], "hundred", *(cardinal(value % 100) if value % 100 else [])]
    power = next(power for power in range(len(GROUPS) - 1, 0, -1) if value >= 1000**power)
    rest = value % 1000**power
    return [*cardinal(value // 1000**power), GROUPS[power], *(cardinal(rest) if rest else [])]


def _whole(digits: str, is_year: bool) -> list[str]:
    value = int(digits) if len(digits) <= MOST_DIGITS else -1
    if value < 0 or (digits[0] == "0" and len(digits) > 1):
        return [ONES[int(digit)] for digit in digits]
    if is_year and len(digits) == 4 and any(value in years for years in YEARS):
        first, last = divmod(value, 100)
        return [*cardinal(first), *(["hundred"] if not last else ["oh"] if last < 10 else []), *_some(last)]
    return cardinal(value)


def _some(value: int) -> list[str]:
    return cardinal(value) if value else []


def _ordinal(word: str) -> str:
    return ORDINALS.get(word) or (word[:-1] + "ieth" if word.endswith("y") else word + "th")


def _plural(word: str) -> str:
    return word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith("x") else "s")
