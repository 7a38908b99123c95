# SPDX-License-Identifier: GPL-3.0-or-later
"""The best head that never moves, made of the same Gaussians: what a talking head must beat.

Candidates: the canonical Gaussians as they are, the mean condition of the train clips, and the train moment whose
mouth is nearest to all others (the pose of least mean-centred landmark distance). Which one is the strongest is
decided on train pictures, by mouth PSNR for pictures and by LMD for landmarks; it may differ.

Letters: S train moments, P = 20 landmarks of the mouth.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..jobs import Pace, Progress
from ..metrics import MOUTH_LANDMARKS, landmark_distance, psnr
from ..performance import Frame
from .evaluator import MEAN_CLIPS, Evaluator
from .landmark_detector import LandmarkDetector

MOMENTS = 400  # train moments among which the nearest to all others is looked for
PICTURES = 24  # train pictures on which candidates are compared
FRONT = (0, 2)  # x and z: the mouth as a camera before the face sees it


@dataclass(frozen=True)
class StaticBaselines:
    """Frames by name, and the strongest for each question."""

    frames: dict[str, Frame]
    pictures: str  # the name of the strongest by mouth PSNR
    landmarks: str  # and by LMD
    compared: dict[str, dict[str, float]]  # name -> its figures on train pictures
    count: int  # train pictures


def nearest_to_all(judge: Evaluator) -> Frame:
    """The moment of the train clips whose mouth, as the head does it, is nearest to the true mouths of all."""
    footage, clips = judge.footage, judge.footage.clips_of("train")
    clips = clips[:: max(len(clips) // MEAN_CLIPS, 1)]
    each = max(MOMENTS // len(clips), 1)
    conditions, told, true = [], [], []
    for clip in clips:
        track = footage.track(clip)
        rows = np.linspace(0, len(track.time) - 1, min(each, len(track.time))).astype(int)
        said = judge.spoken(judge.features(clip), track.time[rows], track.expression[rows])
        conditions += said
        told.append(_centred(judge.carrier.carried(said)))
        true.append(_centred(track.landmarks[rows].astype(np.float64)))
    told, true = np.concatenate(told), np.concatenate(true)
    away = [np.linalg.norm(true - one, axis=-1).mean() for one in told]
    return judge.replay.at(conditions[int(np.argmin(away))])


def _centred(landmarks: np.ndarray) -> np.ndarray:
    """[S,68,3] -> [S,20,2], mean-centred."""
    mouth = landmarks[:, MOUTH_LANDMARKS][..., FRONT]
    return mouth - mouth.mean(axis=1, keepdims=True)


def strongest_baseline(judge: Evaluator, eyes: LandmarkDetector) -> Iterator[Progress]:
    """A generator that gives StaticBaselines back."""
    frames = {
        "the mean condition of its train clips": judge.replay.at(judge.mean),
        "its canonical Gaussians": judge.replay.frame(),
        "the train moment nearest to all others": nearest_to_all(judge),
    }
    rows = [i for i in judge.footage.frames("train") if judge.sees_mouth(judge.footage.camera(int(i)))]
    rows = [int(rows[k]) for k in np.unique(np.linspace(0, len(rows) - 1, min(PICTURES, len(rows))).astype(int))]
    figures: dict[str, dict[str, list[float]]] = {name: {"mouth psnr": [], "lmd": []} for name in frames}
    pace = Pace(len(rows))
    for done, i in enumerate(rows, 1):
        truth, box = judge.truth(i), judge.parts(i)["mouth"]
        marks = eyes.marks(truth)
        for name, frame in frames.items():
            drawn = judge.draw(frame, judge.footage.camera(i))
            figures[name]["mouth psnr"].append(psnr(drawn[box], truth[box]))
            seen = None if marks is None else eyes.marks(drawn)
            if seen is not None:
                figures[name]["lmd"].append(landmark_distance(seen[None], marks[None]))
        yield pace.at(done, "looking for the best static head")
    means = {
        name: {figure: float(np.mean(values)) for figure, values in of.items() if values}
        for name, of in figures.items()
    }
    by_picture = max(means, key=lambda name: means[name].get("mouth psnr", -np.inf))
    by_landmark = min(means, key=lambda name: means[name].get("lmd", np.inf)) if eyes else by_picture
    return StaticBaselines(frames, by_picture, by_landmark, means, len(rows))
