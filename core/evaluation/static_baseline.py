# SPDX-License-Identifier: GPL-3.0-or-later
"""The best head that never moves, made of the same Gaussians: what a talking head must beat.

Candidates: the canonical Gaussians as they are, the mean condition of the train clips, and the train moment whose mouth
is nearest to all others (the pose of least mean-centred landmark distance). The best one is chosen on train pictures,
by mouth PSNR for pictures and by LMD for landmarks; the two may differ.

Letters: S train moments, P = 20 landmarks of the mouth.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from ..jobs import Pace, Progress
from ..metrics import MOUTH_LANDMARKS, landmark_distance, psnr
from ..performance import Frame
from .evaluator import MEAN_CLIPS, Evaluator
from .landmark_detector import LandmarkDetector

MOMENTS = 400  # train moments, of which the nearest to all others is chosen
PICTURES = 24  # train pictures on which candidates are compared
FRONT = (0, 2)  # x and z: the mouth as a camera in front of the face sees it


@dataclass(frozen=True)
class StaticBaselines:
    """The candidates, and the best for each question."""

    frames: dict[str, Frame]
    best_by_psnr: str  # its name
    best_by_lmd: str
    scores: dict[str, dict[str, float]]  # name -> its figures on train pictures
    count: int  # train pictures


def medoid_frame(evaluator: Evaluator) -> Frame:
    """The moment of the train clips whose mouth, as the head does it, is nearest to the true mouths of all."""
    footage, clips = evaluator.footage, evaluator.footage.clips_of("train")
    clips = clips[:: max(len(clips) // MEAN_CLIPS, 1)]
    per_clip = max(MOMENTS // len(clips), 1)
    conditions, predicted, target = [], [], []
    for clip in clips:
        track = footage.track(clip)
        rows = np.linspace(0, len(track.time) - 1, min(per_clip, len(track.time))).astype(int)
        features = evaluator.audio_features(clip)
        conditions += (spoken := evaluator.conditions_at(features, track.time[rows], track.expression[rows]))
        predicted.append(_centred_mouth(evaluator.carrier.track(spoken)))
        target.append(_centred_mouth(track.landmarks[rows].astype(np.float64)))
    targets = np.concatenate(target)
    distance = [np.linalg.norm(targets - mouth, axis=-1).mean() for mouth in np.concatenate(predicted)]
    return evaluator.replay.at(conditions[int(np.argmin(distance))])


def _centred_mouth(landmarks: np.ndarray) -> np.ndarray:
    """[S,68,3] -> [S,20,2], mean-centred."""
    mouth = landmarks[:, MOUTH_LANDMARKS][..., FRONT]
    return mouth - mouth.mean(axis=1, keepdims=True)


def choose_static_baselines(
    evaluator: Evaluator, detector: LandmarkDetector
) -> Generator[Progress, None, StaticBaselines]:
    """Returns the candidates with the best of them; without a detector the best by PSNR is also that by LMD."""
    frames = {
        "the mean condition of its train clips": evaluator.replay.at(evaluator.mean_condition),
        "its canonical Gaussians": evaluator.replay.frame(),
        "the train moment nearest to all others": medoid_frame(evaluator),
    }
    rows = _frontal_train_pictures(evaluator)
    values: dict[str, dict[str, list[float]]] = {name: {"mouth psnr": [], "lmd": []} for name in frames}
    pace = Pace(len(rows))
    for done, i in enumerate(rows, 1):
        _compare_candidates(evaluator, detector, frames, i, values)
        yield pace.at(done, "choosing the best static head")
    scores = {
        name: {metric: float(np.mean(of_pictures)) for metric, of_pictures in metrics.items() if of_pictures}
        for name, metrics in values.items()
    }
    by_psnr = max(scores, key=lambda name: scores[name].get("mouth psnr", -np.inf))
    by_lmd = min(scores, key=lambda name: scores[name].get("lmd", np.inf)) if detector else by_psnr
    return StaticBaselines(frames, by_psnr, by_lmd, scores, len(rows))


def _frontal_train_pictures(evaluator: Evaluator) -> list[int]:
    """PICTURES of those that show the mouth, evenly chosen."""
    footage = evaluator.footage
    rows = [i for i in footage.frames("train") if evaluator.sees_mouth(footage.camera(int(i)))]
    return [int(rows[k]) for k in np.unique(np.linspace(0, len(rows) - 1, min(PICTURES, len(rows))).astype(int))]


def _compare_candidates(
    evaluator: Evaluator,
    detector: LandmarkDetector,
    frames: dict[str, Frame],
    i: int,
    values: dict[str, dict[str, list[float]]],
) -> None:
    """Append the candidates' figures on picture i to `values`."""
    truth, mouth = evaluator.truth(i), evaluator.crops(i)["mouth"]
    target = detector.detect(truth)
    for name, frame in frames.items():
        drawn = evaluator.draw(frame, evaluator.footage.camera(i))
        values[name]["mouth psnr"].append(psnr(drawn[mouth], truth[mouth]))
        landmarks = None if target is None else detector.detect(drawn)
        if target is not None and landmarks is not None:
            values[name]["lmd"].append(landmark_distance(landmarks[None], target[None]))
