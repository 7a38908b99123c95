# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouth's shape in numbers that mean the same on every face: what the encoder `mouth_shapes` gives first.

Each is 0 at one end and 1 at the other of what a speaker's mouth does in speech, so that a mumbler and a shouter have
the same numbers and each face its own millimetres. On a face they are measured on landmarks; `person_range` finds the
face's own 0 and 1. Measures that a head's rig has too (`lips_apart` ...) are measured as there.

Landmarks are iBUG's 68 in head space: x to the person's left, y to the back of the head, z up, any unit.
Letters: T moments, K measures.
"""

from dataclasses import dataclass

import numpy as np

X, Y, Z = 0, 1, 2
INNER_UPPER, INNER_LOWER = (61, 62, 63), (65, 66, 67)
OUTER_UPPER, OUTER_LOWER = (50, 51, 52), (56, 57, 58)
CHIN = (7, 8, 9)
# Not in the paper: chosen because lips touch often and evenly, so that their end of the range is told by few frames,
# while the widest openings are rare.
LOW_PERCENTILE, HIGH_PERCENTILE = 2.0, 95.0


@dataclass(frozen=True)
class MouthMeasure:
    """One number of the mouth's shape, 0..1."""

    name: str
    low: str  # what 0 is
    high: str  # what 1 is
    rest: float  # its value while nobody speaks
    # The sum of factor x the mean of some landmarks' coordinate; none: landmarks do not show it.
    terms: tuple[tuple[float, int, tuple[int, ...]], ...]

    def of(self, landmarks: np.ndarray) -> np.ndarray:
        """landmarks [...,68,3] -> [...] in the landmarks' unit. Raises ValueError where landmarks do not show it."""
        if not self.terms:
            raise ValueError(f"{self.name} cannot be measured on landmarks")
        parts = [factor * landmarks[..., list(rows), axis].mean(axis=-1) for factor, axis, rows in self.terms]
        return np.sum(parts, axis=0)


# The order is that of the encoder's channels; new ones go behind the last.
MOUTH_MEASURES = (
    MouthMeasure(
        "lips_apart", "the lips touch", "as far open as in a loud ah", 0.05,
        ((1.0, Z, INNER_UPPER), (-1.0, Z, INNER_LOWER)),
    ),
    MouthMeasure(
        "mouth_width", "as narrow as in oo", "as wide as in ee", 0.5,
        ((1.0, X, (54,)), (-1.0, X, (48,))),
    ),
    MouthMeasure(
        "pucker", "lips as far back as in ee", "lips as far forward as in oo", 0.3,
        ((-1.0, Y, (*OUTER_UPPER, *OUTER_LOWER)),),
    ),
    MouthMeasure("upper_lip", "lowest", "raised as in ah", 0.3, ((1.0, Z, OUTER_UPPER),)),
    MouthMeasure(
        "lower_lip", "lowest over the chin", "raised over the chin as in f", 0.5,
        ((1.0, Z, OUTER_LOWER), (-1.0, Z, CHIN)),
    ),
    MouthMeasure("jaw_open", "closed", "as far down as in a loud ah", 0.1, ((-1.0, Z, CHIN),)),
    MouthMeasure(
        "lip_press", "lips loose and full", "lips pressed as in m", 0.5,
        ((-1.0, Z, OUTER_UPPER), (1.0, Z, INNER_UPPER), (-1.0, Z, INNER_LOWER), (1.0, Z, OUTER_LOWER)),
    ),
    MouthMeasure("tongue_tip", "not to be seen", "between the teeth or behind the upper ones, as in th and l", 0.0, ()),
)  # fmt: skip


def measure_mouth(
    landmarks: np.ndarray,  # [T,68,3] head space
) -> np.ndarray:
    """[T,K] in the landmarks' unit, in the order of MOUTH_MEASURES; nan for what landmarks do not show."""
    nothing = np.full(len(landmarks), np.nan)
    return np.stack([m.of(landmarks) if m.terms else nothing for m in MOUTH_MEASURES], axis=1)


def person_range(
    values: np.ndarray,  # [T,K] of `measure_mouth`, a person's speech
) -> tuple[np.ndarray, np.ndarray]:
    """([K], [K]): what counts as 0 and as 1 for this person, so that (values - low) / (high - low) is 0..1 for most.

    The longer the speech the better: three seconds may hold no ee. nan where a measure is in no frame.
    """
    seen = np.isfinite(values).any(axis=0)
    filled = np.where(seen, values, 0.0)
    low, high = np.nanpercentile(filled, [LOW_PERCENTILE, HIGH_PERCENTILE], axis=0)
    return np.where(seen, low, np.nan), np.where(seen, high, np.nan)
