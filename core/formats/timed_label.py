# SPDX-License-Identifier: GPL-3.0-or-later
"""A word, a phone or a cue, and when it is spoken."""

from typing import NamedTuple


class TimedLabel(NamedTuple):
    """From start to end, seconds of the sound."""

    start: float
    end: float
    label: str
