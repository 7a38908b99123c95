# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio to lips: a ridge regression from audio features to the lip gap, fitted to the train clips' tracks.

With it a mouth is compared with its sound without any network that was made to rate lips: the lip-offset score. Its
features are Moonshine's whatever encoder the head has, so that all heads are measured alike. Not in the paper: chosen
because it ships with nothing but the footage.

Letters: T moments, C features of a moment, R rows of all train clips, g ridge weight.
"""

from collections.abc import Generator

import numpy as np

from ..audio import Features
from ..jobs import Pace, Progress
from ..metrics import lip_gap
from .evaluator import Evaluator

ENCODER = "moonshine"
CONTEXT = 3  # model frames to either side
MAX_CLIPS = 160  # train clips
RIDGE_WEIGHTS = (10.0, 100.0, 1e3, 1e4)  # on features of unit variance; the best on the validation clips is taken
VALIDATION_EVERY = 6  # every so many clips, one is for validation while the weight is chosen


class AudioToLips:
    """The lip gap that goes with a sound."""

    def __init__(self, mean: np.ndarray, deviation: np.ndarray, weights: np.ndarray, validation_r: float) -> None:
        self._mean, self._deviation, self._weights = mean, deviation, weights
        self.validation_r = validation_r  # correlation on train clips that were not fitted

    def predict(self, features: Features, times: np.ndarray, rate: float) -> np.ndarray:
        """[T] the lip gap in standard deviations, at times [T] in seconds; rate: model frames a second."""
        return (stack_context(features, times, rate) - self._mean) / self._deviation @ self._weights


def stack_context(features: Features, times: np.ndarray, rate: float) -> np.ndarray:
    """[T,C] features around times [T], each CONTEXT model frames to either side; the ends are repeated."""
    wanted = np.asarray(times)[:, None] + np.arange(-CONTEXT, CONTEXT + 1) / rate
    position = np.clip((wanted - features.times[0]) / features.hop, 0, len(features.times) - 1)
    below = np.minimum(position.astype(int), len(features.times) - 2)
    share = (position - below)[..., None]
    return ((1 - share) * features.values[below] + share * features.values[below + 1]).reshape(len(wanted), -1)


def fit_audio_to_lips(evaluator: Evaluator) -> Generator[Progress, None, AudioToLips]:
    """Returns the regression with the ridge weight that is best on the validation clips."""
    x, y, clip = yield from _train_rows(evaluator)
    mean, deviation = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    x, y = (x - mean) / deviation, (y - y.mean()) / max(y.std(), 1e-12)
    validation = clip % VALIDATION_EVERY == VALIDATION_EVERY - 1
    fitted, held = _normal_equations(x[~validation], y[~validation]), _normal_equations(x[validation], y[validation])
    tried = validation if validation.any() else ~validation
    r = {g: float(np.corrcoef(x[tried] @ solve_ridge(*fitted, g), y[tried])[0, 1]) for g in RIDGE_WEIGHTS}
    best = max(r, key=lambda g: r[g])
    return AudioToLips(mean, deviation, solve_ridge(fitted[0] + held[0], fitted[1] + held[1], best), r[best])


def _train_rows(evaluator: Evaluator) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Returns ([R,C] features, [R] lip gaps in metres, [R] the number of the clip) of the train clips."""
    footage, clips = evaluator.footage, list(evaluator.footage.clips_of("train"))
    clips = clips[:: -(-len(clips) // MAX_CLIPS)]
    pace, rows, gaps, numbers = Pace(len(clips)), [], [], []
    for number, clip in enumerate(clips):
        track = footage.track(clip)
        rows.append(stack_context(evaluator.audio_features(clip, ENCODER), track.time, float(footage.rate)))
        gaps.append(lip_gap(track.landmarks.astype(np.float64)))
        numbers.append(np.full(len(track.time), number))
        yield pace.at(number + 1, "fitting lips to the audio of the train clips")
    return np.concatenate(rows), np.concatenate(gaps), np.concatenate(numbers)


def _normal_equations(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # [R,C], [R]
    return x.T @ x, x.T @ y


def solve_ridge(
    xx: np.ndarray,  # [C,C] x^T x
    xy: np.ndarray,  # [C] x^T y
    weight: float,
) -> np.ndarray:
    """[C] that minimises |x w - y|^2 + weight |w|^2."""
    return np.linalg.solve(xx + weight * np.eye(len(xx)), xy)
