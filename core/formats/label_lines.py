# SPDX-License-Identifier: GPL-3.0-or-later
"""Label files: a line a label, `start end label`. HTK counts 100 ns (The HTK Book, "Label Files"), the GRID corpus
25,000 a second, Audacity and others write seconds with a decimal point."""

import math
from collections.abc import Iterator
from pathlib import Path

from .timed_label import TimedLabel
from .user_error import UserError

HTK_UNITS, GRID_UNITS, SECONDS = 10_000_000, 25_000, 1  # a second
NO_LABELS = ("#", '"', ".")  # what begins a line of HTK's master files that is no label, or a comment


def unit_of(text: str, path: Path | str) -> int:
    """Units a second, by the name's ending and by whether times have decimal points."""
    if Path(path).suffix.lower() == ".align":
        return GRID_UNITS
    first = next((line.split() for line in text.splitlines() if line.strip() and not line.startswith(NO_LABELS)), [])
    return SECONDS if any("." in time for time in first[:2]) else HTK_UNITS


def label_lines(text: str, unit: int, path: Path | str) -> Iterator[TimedLabel]:
    """The labels. unit: of the times, as many a second. Raises UserError that names the line."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(NO_LABELS):
            continue
        words, first, last = line.split()[2:], 0.0, 0.0
        try:
            first, last = (float(time) / unit for time in line.split()[:2])
        except ValueError:
            words = []
        if not words or (unit == GRID_UNITS and len(words) > 1) or not 0 <= first <= last < math.inf:
            raise UserError(
                f"{path} line {number} is not `start end label` with start before end; repair the line or leave the "
                "file out."
            )
        yield TimedLabel(first, last, words[0] if unit == HTK_UNITS else " ".join(words))  # HTK's score follows
