# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words a head speaks when: from the file that was chosen, or that has the sound's name and folder."""

from collections.abc import Iterator, Sequence

import bpy
import numpy as np

from ...core.formats import TimedLabel, UserError, WordTimings
from ..speech.attached_sounds import attached_sounds
from ..speech.words_file import open_words, words_file
from .heard import HeardStrip


def words_problem(obj: bpy.types.Object) -> str:
    """Why the words of the head's first sound cannot be shown, in one sentence; "" when they can or there are none."""
    try:
        timings_of(obj, next(iter(attached_sounds(obj)), ""))
    except UserError as error:
        return str(error)
    return ""


def timings_of(obj: bpy.types.Object, sound: str) -> WordTimings | None:
    """The words of one of a head's sounds; None for none. Raises UserError."""
    path = words_file(obj, sound)
    return open_words(path) if path else None


def spoken_labels(strip: HeardStrip, labels: Sequence[TimedLabel]) -> Iterator[TimedLabel]:
    """The labels that a strip plays, at the scene's seconds; what is cut off at its edges is left out."""
    if not labels:
        return
    first, last = strip.seconds[0], strip.seconds[-1]
    bounds = np.clip(np.array([label[:2] for label in labels], np.float64), first, last)
    starts, ends = strip.times_of(bounds[:, 0]), strip.times_of(bounds[:, 1])
    for label, start, end in zip(labels, starts.tolist(), ends.tolist()):
        if end > start:
            yield TimedLabel(start, end, label.label)


def label_at(labels: Sequence[TimedLabel], time: float) -> str:
    """What is said at a time of the scene; "" for nothing."""
    return next((label.label for label in labels if label.start <= time < label.end), "")
