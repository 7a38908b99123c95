# SPDX-License-Identifier: GPL-3.0-or-later
"""Do lips do what the phones ask for, where nobody filmed the speaker: closed in p, b and m, open in vowels, narrow in
oo and wide in ee. A check of talksplat's own, not in the paper.

It tells what lip-sync scores do not: a mouth that closes everywhere hits every closure and is told by its vowels.

Letters: T moments.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..formats import TimedLabel

CLOSED_SHARE = 0.2  # of the way from the 2nd to the 95th percentile of a clip's gap: what is below counts as closed
# Phones by ARPAbet's names, with IPA's letters where they differ.
CLOSURES = {"P", "B", "M"}
NARROW = {"UW", "W", "OW", "U", "O"}
WIDE = {"IY", "EY", "I", "E"}
VOWELS = {"AA", "AE", "AH", "AO", "EH", "ER", "IH", "UH", "AY", "AW", "OY", "A", "Ɑ", "Æ", "Ʌ", "Ə", "Ɔ", "Ɛ", "Ɪ", "Ʊ"}
VOWELS |= (NARROW | WIDE) - {"W"}
STRESS = "0123456789ˈˌː"
HALF = 0.5  # of a vowel, in its middle: its ends belong to its neighbours' lips
SLACK = 0.005  # seconds at both ends: half of a phone aligner's frame


@dataclass
class PhoneLips:
    """What lips do in phones, gathered from clips. Gaps: shares of a clip's range; widths: its deviations."""

    closures: list[float] = field(default_factory=list)  # smallest gap of each p, b and m
    vowels: list[float] = field(default_factory=list)  # median gap in the middle half of each vowel
    narrow: list[float] = field(default_factory=list)  # mean width in the middle of each oo, w and oh
    wide: list[float] = field(default_factory=list)  # of each ee and ay

    def add(
        self,
        gap: np.ndarray,  # [T] any unit
        width: np.ndarray,  # [T] any unit
        times: np.ndarray,  # [T] seconds, rising
        phones: Iterable[TimedLabel],  # on the clip's own timeline
    ) -> None:
        """A clip's lips. Phones that hold no moment are passed over; a mouth that does not move is always closed."""
        low, high = np.percentile(gap, [2, 95])
        gaps = (gap - low) / max(high - low, 1e-9)
        widths = (width - np.mean(width)) / max(np.std(width), 1e-9)
        for phone in phones:
            label = phone.label.strip(STRESS).upper()
            middle, quarter = (phone.start + phone.end) / 2, (phone.end - phone.start) * HALF / 2
            whole = _inside(times, phone.start, phone.end)
            core = _inside(times, middle - quarter, middle + quarter)
            if label in CLOSURES and whole.any():
                self.closures.append(float(gaps[whole].min()))
            if label in VOWELS and core.any():
                self.vowels.append(float(np.median(gaps[core])))
            if core.any() and label in NARROW | WIDE:
                (self.narrow if label in NARROW else self.wide).append(float(widths[core].mean()))

    def figures(self) -> dict[str, float | int | None]:
        """Counts, shares 0..1 and areas under the curve; None where there is no such phone."""
        return {
            "p b m": len(self.closures),
            "closed": _share_below(self.closures),
            "vowels": len(self.vowels),
            "closed vowels": _share_below(self.vowels),
            "closure auc": area_under_curve(self.closures, self.vowels),
            "rounding auc": area_under_curve(self.narrow, self.wide),
        }


def area_under_curve(lower: list[float], higher: list[float]) -> float | None:
    """How often one of `higher` is above one of `lower`, 0..1, ties half; None without either (Mann-Whitney's U)."""
    if not lower or not higher:
        return None
    ranks = np.sort(np.array(lower))
    values = np.array(higher)
    below = np.searchsorted(ranks, values, "left") + np.searchsorted(ranks, values, "right")
    return round(float(below.mean() / 2 / len(ranks)), 4)


def stillness(
    gap: np.ndarray,  # [T] while nobody speaks
    spoken: np.ndarray,  # [T'] the same mouth in speech
) -> float:
    """How much a mouth moves in a sound that nobody speaks, as a share of what it moves in speech."""
    return float(np.std(gap) / max(np.std(spoken), 1e-9))


def _inside(times: np.ndarray, start: float, end: float) -> np.ndarray:
    return (times >= start - SLACK) & (times <= end + SLACK)


def _share_below(values: list[float]) -> float | None:
    return round(float(np.mean(np.array(values) < CLOSED_SHARE)), 4) if values else None
