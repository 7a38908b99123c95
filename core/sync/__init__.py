# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two movements are apart in time, and whether that can be told. Needs numpy alone."""

from .offset_suggestion import OffsetSuggestion, suggest_offset
from .shifts import LEAST, MAX_SHIFT, best_shift, movements, overlap, shifted_correlation

__all__ = [
    "LEAST",
    "MAX_SHIFT",
    "OffsetSuggestion",
    "best_shift",
    "movements",
    "overlap",
    "shifted_correlation",
    "suggest_offset",
]
