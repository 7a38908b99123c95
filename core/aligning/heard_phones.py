# SPDX-License-Identifier: GPL-3.0-or-later
"""Which phones the encoder `mouth_shapes` can tell apart, and how likely each of them is at each moment of a sound.

It hears 24 classes: p and b look and sound much alike, and so do s and z; a diphthong is its two ends. For the edges of
words that is enough: docs/research/align.md.

Letters: T moments of 10 ms, Q classes.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..audio import ENCODERS, MOUTH_MEASURES, PHONE_CLASSES, Sound, arpabet_classes

ENCODER = ENCODERS["mouth_shapes"]
MOMENT = 0.01  # seconds
LEAST_PROBABILITY = 1e-6  # of a class: one moment that was misheard must not rule out a text
SILENCE = PHONE_CLASSES.index("silence")


class Phone(NamedTuple):
    """One of the dictionary's, and what is heard of it."""

    name: str  # ARPAbet without stress, "AY"
    classes: tuple[int, ...]  # numbers of PHONE_CLASSES, one after the other


def phone(name: str) -> Phone:
    """Of the dictionary's 39. Raises KeyError for any other name."""
    return Phone(name, arpabet_classes(name))


def moment_count(sound: Sound) -> int:
    """T of a sound: moment t is at t / 100 seconds, from 0 to the sound's end."""
    return -(-len(sound.samples) * 100 // sound.rate)


def class_scores(sound: Sound) -> Iterator[np.ndarray]:
    """[<=T,Q] float32 at a time, T in all: natural logarithms of the classes' probabilities.

    Raises UserError as the encoder does.
    """
    first, left = round(-ENCODER.times(sound)[0] / MOMENT), moment_count(sound)
    for piece in ENCODER.pieces(sound):
        inside = piece[first : first + left, len(MOUTH_MEASURES) :]
        first, left = max(first - len(piece), 0), left - len(inside)
        yield np.log(np.maximum(inside, np.float32(LEAST_PROBABILITY)))
