# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sound asks of this head's mouth: the measures that mean the same on every face, in this face's millimetres.

Each measure takes the mean and the spread that the head had while it heard the same voices: a head that was filmed
mumbling goes on mumbling, and one with a wide mouth keeps it. Not in the paper: chosen because a sound does not tell
how far its speaker opens the mouth (measured: |r| of .2 at most); the control Mouth Open does.

In a p, b or m the lips are to touch as this head's lips touch: what is nearly closed looks open.

Letters: S moments, J measures.
"""

from dataclasses import dataclass

import numpy as np

from ..audio import MOUTH_MEASURES
from .heard_speech import APART, ON_LANDMARKS, HeardSpeech

STILL = 1e-3  # of a measure: one that varies less says nothing
REACH = 1.15  # times as far from its mean as the head was heard to go (percentiles OUTER): further it is not asked to
OUTER = (0.5, 99.5)
TOUCHING = 2.0  # percentile of the lips' gap at which they touch, as in `audio.person_range`
# Of what the person's own voice asks for: what the old nets did there. The rest is the encoder's. Not in the paper:
# chosen because both follow the person's real lips about as well (gap r .925 and .914, held-back clips).
AS_BEFORE = 0.6
# Of an error relative to the measure's deviation. Not in the paper: chosen because lips and width are what is seen; the
# others follow them on most heads, and must not outvote them.
WEIGHTS = {"lips_apart": 3.0, "mouth_width": 2.0}  # others OTHER
OTHER = 0.05
CLOSING = 4.0  # more of the lips' gap in a p, b or m, which are short


@dataclass(frozen=True)
class GeometryScale:
    """A line a measure."""

    slope: np.ndarray  # [J] mm a unit
    offset: np.ndarray  # [J] mm

    def geometry(self, measures: np.ndarray) -> np.ndarray:
        """[S,J] 0..1 -> [S,J] mm, less that at rest."""
        return self.offset + measures * self.slope


def fit_scale(speech: HeardSpeech) -> GeometryScale:
    """By the person's own voice where it was heard, else by all."""
    geometry, measures = speech.geometry[speech.typical], speech.measures[speech.typical]
    spread = measures.std(axis=0)
    slope = np.where(spread > STILL, geometry.std(axis=0) / np.maximum(spread, STILL), 0.0)
    return GeometryScale(slope, geometry.mean(axis=0) - slope * measures.mean(axis=0))


def wanted_geometry(speech: HeardSpeech) -> np.ndarray:
    """[S,J] mm, less that at rest."""
    middle, ends = speech.geometry.mean(axis=0), np.percentile(speech.geometry, OUTER, axis=0)
    asked = np.clip(fit_scale(speech).geometry(speech.measures), *(middle + REACH * (ends - middle)))
    wanted = np.where(speech.is_own[:, None], AS_BEFORE * speech.geometry + (1 - AS_BEFORE) * asked, asked)
    touching = np.percentile(speech.geometry[speech.typical, APART], TOUCHING)
    wanted[:, APART] += speech.closing * (touching - wanted[:, APART])
    return wanted


def goal_weights(speech: HeardSpeech) -> np.ndarray:
    """[S,J] 1/mm^2: how much each measure counts at each moment."""
    square = np.maximum(np.mean(np.square(speech.geometry), axis=0), 1e-6)
    names = [MOUTH_MEASURES[k].name for k in ON_LANDMARKS]
    weights = np.tile([WEIGHTS.get(name, OTHER) for name in names] / square, (len(speech), 1))
    weights[:, APART] *= 1 + CLOSING * speech.closing
    return weights
