# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures that a conversion leaves out because something of theirs cannot be read: how many, and the first reason.

One lost landmark file must not cost a data set of hours; but what is mostly broken is not what somebody meant to train.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from ..formats import UserError

# Of the pictures of a part, train or val. Not in the papers: chosen because `prepare` gives up a clip at the same share
# of frames without a face (MAX_LOST_SHARE).
MAX_LEFT_OUT_SHARE = 0.2


class LeftOutPictures:
    """Counts, and one reason: a hostile folder can have a million faults."""

    def __init__(self, folder: Path, totals: Mapping[str, int]) -> None:
        """totals: part -> its pictures, those left out included."""
        self.folder, self._totals = folder, totals
        self._counts: Counter[str] = Counter()  # part -> pictures left out
        self._first_reason = ""

    @property
    def count(self) -> int:
        """Of all parts."""
        return self._counts.total()

    def add(self, part: str, reason: UserError | str, count: int = 1) -> None:
        """Leave out a picture, or several; the reason is a sentence that names the file and the fix.

        Raises UserError when that is too large a share of the part.
        """
        self._first_reason = self._first_reason or str(reason)
        self._counts[part] += count
        total = self._totals[part]
        if self._counts[part] > MAX_LEFT_OUT_SHARE * total:
            share = f"more than {MAX_LEFT_OUT_SHARE:.0%} of its {total} {part} pictures"
            raise UserError(f"{self.folder}: {share} cannot be used, the first because {self._first_reason}")

    def warning(self) -> str:
        """One sentence; empty where nothing is left out."""
        if not self.count:
            return ""
        are = "is" if self.count == 1 else "are"
        share = f"{self.count} of its {sum(self._totals.values())} pictures {are} left out"
        return f"{self.folder}: {share}, the first because {self._first_reason}"
