# SPDX-License-Identifier: GPL-3.0-or-later
"""A judge who hears: a ridge regression from sound to the lip gap, learned on the train clips' tracks.

With it a mouth is held against its sound without any network that was made to judge lips: the lip-offset score. It
hears with Moonshine whatever the head hears with, so that all heads meet the same judge. Not in the paper.

Letters: T moments, C features of a moment, R rows of all train clips, g ridge weight.
"""

from collections.abc import Iterator

import numpy as np

from ..audio import Features
from ..jobs import Pace, Progress
from ..metrics import lip_gap
from .evaluator import Evaluator

ENCODER = "moonshine"
REACH = 3  # model frames to either side that are heard along
CLIPS = 160  # train clips at most
WEIGHTS = (10.0, 100.0, 1e3, 1e4)  # ridge weights on features of unit variance, tried on clips that were held back
HELD = 6  # every such clip is held back while the weight is chosen


class AudioToLips:
    """What the lips should do, by ear."""

    def __init__(self, mean: np.ndarray, spread: np.ndarray, weights: np.ndarray, r: float) -> None:
        self._mean, self._spread, self._weights = mean, spread, weights
        self.r = r  # correlation on train clips that were held back

    def gap(self, features: Features, times: np.ndarray, rate: float) -> np.ndarray:
        """[T] the lip gap that goes with a sound, in its spread; rate: model frames a second."""
        return (stacked_features(features, times, rate) - self._mean) / self._spread @ self._weights


def stacked_features(features: Features, times: np.ndarray, rate: float) -> np.ndarray:
    """[T,C] features around times [T], each REACH model frames to either side; the ends hold."""
    asked = np.asarray(times)[:, None] + np.arange(-REACH, REACH + 1) / rate
    place = np.clip((asked - features.times[0]) / features.hop, 0, len(features.times) - 1)
    below = np.minimum(place.astype(int), len(features.times) - 2)
    share = (place - below)[..., None]
    return ((1 - share) * features.values[below] + share * features.values[below + 1]).reshape(len(asked), -1)


def fit_audio_to_lips(judge: Evaluator) -> Iterator[Progress]:
    """A generator that gives a AudioToLips back."""
    footage, clips = judge.footage, list(judge.footage.clips_of("train"))
    clips = clips[:: -(-len(clips) // CLIPS)]
    pace, rows, gaps, of = Pace(len(clips)), [], [], []
    for k, clip in enumerate(clips):
        track = footage.track(clip)
        rows.append(stacked_features(judge.features(clip, ENCODER), track.time, float(footage.rate)))
        gaps.append(lip_gap(track.landmarks.astype(np.float64)))
        of += [k] * len(track.time)
        yield pace.at(k + 1, "learning to hear lips on train clips")
    x, y = np.concatenate(rows), np.concatenate(gaps)
    mean, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    x, y = (x - mean) / spread, (y - y.mean()) / max(y.std(), 1e-12)
    away = np.array(of) % HELD == HELD - 1 if len(clips) >= HELD else np.zeros(len(of), bool)
    learned, held = _moments(x[~away], y[~away]), _moments(x[away], y[away])
    look = away if away.any() else ~away
    likeness = {g: float(np.corrcoef(x[look] @ ridge(*learned, g), y[look])[0, 1]) for g in WEIGHTS}
    best = max(likeness, key=likeness.get)
    together = [one + other for one, other in zip(learned, held)]
    return AudioToLips(mean, spread, ridge(*together, best), likeness[best])


def _moments(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # [R,C], [R]
    return x.T @ x, x.T @ y


def ridge(
    xx: np.ndarray,  # [C,C] x^T x
    xy: np.ndarray,  # [C] x^T y
    weight: float,
) -> np.ndarray:
    """[C] that minimises |x w - y|^2 + weight |w|^2."""
    return np.linalg.solve(xx + weight * np.eye(len(xx)), xy)
