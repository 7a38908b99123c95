# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig's channels get meaning: which mixture of components opens the jaw and leaves the lips' width alone.

A named channel is a measure of the face's landmarks in mm (how far the jaw is open, how wide the mouth). Its direction
is the most natural one: of all mixtures that change the measure by 1 mm and the other measures by nothing, the one that
is likeliest in what the head does (the mean of a Gaussian distribution given its measures). What the measures do not
tell becomes "detail" channels: principal components of the rest, orthonormal, of 1 mm RMS.

Landmarks are iBUG's 68. Left and right are the person's own. Letters: K components, J measures, n conditions.
"""

from dataclasses import dataclass

import numpy as np

from .basis import LOWER, UPPER

# What a measure must vary by itself, beyond what the measures before it tell, to get a channel: mm, and as a share of
# all that it varies. Not in the paper: chosen because a millimetre of a channel that hardly varies by itself is a face
# that the head never makes; a head whose jaw and lips open together has one channel for both.
LEAST_MOTION, LEAST_SHARE = 0.15, 0.15
X, Y, Z = 0, 1, 2  # to the person's left, to the back of the head, up


@dataclass(frozen=True)
class Measure:
    """A linear measure of landmarks: the sum over its terms of sign x the mean of some landmarks' coordinate."""

    name: str
    region: str
    terms: tuple[tuple[float, int, tuple[int, ...]], ...]  # (factor, axis, landmarks)

    def of(self, landmarks: np.ndarray) -> np.ndarray:
        """landmarks [...,68,3] mm -> [...] mm."""
        parts = [factor * landmarks[..., list(rows), axis].mean(axis=-1) for factor, axis, rows in self.terms]
        return np.sum(parts, axis=0)


BLINKS = (
    Measure("blink_left", UPPER, ((-1.0, Z, (43, 44)), (1.0, Z, (46, 47)))),
    Measure("blink_right", UPPER, ((-1.0, Z, (37, 38)), (1.0, Z, (40, 41)))),
)
BLINK = Measure(
    "blink", UPPER, ((-1.0, Z, (37, 38, 43, 44)), (1.0, Z, (40, 41, 46, 47)))
)  # of eyes that only close together
INNER_UPPER, INNER_LOWER = (61, 62, 63), (65, 66, 67)
OUTER_UPPER, OUTER_LOWER = (50, 51, 52), (56, 57, 58)
# In the order of precedence. "closure" presses the lips: both get thinner between their inner and outer edge.
MEASURES = (
    Measure("lips_apart", LOWER, ((1.0, Z, INNER_UPPER), (-1.0, Z, INNER_LOWER))),
    Measure("jaw_open", LOWER, ((-1.0, Z, (7, 8, 9)),)),
    Measure("mouth_width", LOWER, ((1.0, X, (54,)), (-1.0, X, (48,)))),
    Measure("pucker", LOWER, ((-1.0, Y, (50, 51, 52, 56, 57, 58)),)),
    Measure("upper_lip", LOWER, ((1.0, Z, OUTER_UPPER),)),
    Measure("smile", LOWER, ((1.0, Z, (48, 54)),)),
    Measure(
        "lip_press",
        LOWER,
        ((-1.0, Z, OUTER_UPPER), (1.0, Z, INNER_UPPER), (-1.0, Z, INNER_LOWER), (1.0, Z, OUTER_LOWER)),
    ),
    *BLINKS,
    Measure("brows_inner", UPPER, ((1.0, Z, (20, 21, 22, 23)),)),
    Measure("brows_outer", UPPER, ((1.0, Z, (17, 18, 25, 26)),)),
)


@dataclass(frozen=True)
class Directions:
    """A region's channels: J named ones, then the details."""

    names: list[str]  # K
    mixtures: np.ndarray  # [K,K]: column j, the mixture of components that channel j is


def name_directions(
    region: str,
    coefficients: np.ndarray,  # [n,K] mm
    landmarks: np.ndarray,  # [K,68,3] mm: what a unit of each component does to them
    gaussians: int,  # of the region
) -> Directions:
    """The channels of a region; all are details where the head moves no measure."""
    covariance = coefficients.T @ coefficients / len(coefficients)
    named = _named_measures(region, covariance, landmarks)
    rows = np.array([measure.of(landmarks) for measure in named]).reshape(len(named), len(covariance))  # [J,K]
    natural = covariance @ rows.T @ np.linalg.inv(rows @ covariance @ rows.T)  # [K,J]
    rest = coefficients - (coefficients @ rows.T) @ natural.T
    values, vectors = np.linalg.eigh(rest.T @ rest)
    details = vectors[:, np.argsort(values)[::-1][: len(covariance) - len(named)]]
    details = details * np.sign(details[np.abs(details).argmax(axis=0), range(details.shape[1])])
    names = [measure.name for measure in named] + [f"{region}_detail_{i + 1}" for i in range(details.shape[1])]
    return Directions(names, np.concatenate([natural, details * np.sqrt(gaussians)], axis=1))


def _named_measures(region: str, covariance: np.ndarray, landmarks: np.ndarray) -> list[Measure]:
    """The region's measures that vary by themselves."""
    named: list[Measure] = []
    for measure in MEASURES:
        if measure.region == region and len(named) < len(covariance) - 1:
            rows = np.array([m.of(landmarks) for m in (*named, measure)])
            if _varies_by_itself(rows @ covariance @ rows.T):
                named.append(measure)
    blinks = [measure for measure in named if measure in BLINKS]
    return [BLINK if m in BLINKS else m for m in named] if len(blinks) == 1 else named


def _varies_by_itself(covariance: np.ndarray) -> bool:
    """[J,J]: whether the last measure varies when the others are known."""
    *_, total = np.diag(covariance)
    shared = covariance[-1, :-1]
    own = total - shared @ np.linalg.solve(covariance[:-1, :-1], shared)
    return own > max(LEAST_MOTION**2, LEAST_SHARE**2 * total)
