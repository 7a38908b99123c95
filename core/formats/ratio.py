# SPDX-License-Identifier: GPL-3.0-or-later
"""A number from outside as an exact fraction: the only place that makes one of text.

`Fraction("1e999999999")` would compute a number of a gigabyte, in one call that no signal interrupts: text has no
exponent here and few digits.
"""

import re
from fractions import Fraction

_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,15})?", re.ASCII)
_RATIO = re.compile(r"(\d{1,12})/(\d{1,12})", re.ASCII)


def parse_ratio(text: object) -> Fraction | None:
    """ "16/15" or "1.0667", not negative, at most 12 digits a number; None for any other text and for what is none."""
    text = text.strip() if isinstance(text, str) else ""
    if ratio := _RATIO.fullmatch(text):
        numerator, denominator = int(ratio[1]), int(ratio[2])
        return Fraction(numerator, denominator) if denominator else None
    return Fraction(text) if _DECIMAL.fullmatch(text) else None
