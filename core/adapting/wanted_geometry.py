# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sound asks of this head's mouth: the measures that mean the same on every face, in this face's millimetres.

Each measure takes the mean and the spread that the head had while it heard the same voices: a head that was filmed
mumbling goes on mumbling, and one with a wide mouth keeps it. Not in the paper: chosen because a sound does not tell
how far its speaker opens the mouth (measured: |r| of .2 at most); the control Mouth Open does.

Letters: S moments, J measures.
"""

from dataclasses import dataclass

import numpy as np

from .heard_speech import HeardSpeech

STILL = 1e-3  # of a measure: one that varies less says nothing


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
    rows = speech.is_own if speech.is_own.any() else np.ones(len(speech), bool)
    geometry, measures = speech.geometry[rows], speech.measures[rows]
    spread = measures.std(axis=0)
    slope = np.where(spread > STILL, geometry.std(axis=0) / np.maximum(spread, STILL), 0.0)
    return GeometryScale(slope, geometry.mean(axis=0) - slope * measures.mean(axis=0))
