# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn of a held-back clip: its pictures, and every model frame in which its face is seen.

A video has a picture for every model frame, each with its own head pose. A rendered actor may have a picture every
third frame from some camera: then the frames between are drawn too, from the camera that most pictures share, because
lips are compared in time.

Letters: F pictures, E expression channels.
"""

from dataclasses import dataclass

import numpy as np

from ..footage import Footage
from ..formats import Camera
from .evaluator import Evaluator

MOVING_CAMERA = 0.5  # share of distinct cameras among the pictures, above which the camera (the head) moves


@dataclass(frozen=True)
class Sample:
    """One drawing."""

    camera: Camera
    time: float  # seconds
    expression: np.ndarray  # [E]
    row: int | None  # the picture that it is compared with
    moment: int | None  # the model frame that it shows


def main_camera_pictures(footage: Footage, rows: np.ndarray) -> np.ndarray:
    """Of pictures [F] those from the camera that most of them share; all of them where the camera moves."""
    if len(rows) == 0:
        return rows
    centres = np.stack([footage.camera(int(i)).centre for i in rows]).round(4)
    _, which, counts = np.unique(centres, axis=0, return_inverse=True, return_counts=True)
    if len(counts) > max(MOVING_CAMERA * len(rows), 1):
        return rows
    return rows[which.reshape(-1) == counts.argmax()]


def held_back_pictures(footage: Footage, clip: int) -> np.ndarray:
    """[F] the pictures of a held-back clip."""
    return np.array([i for i in footage.frames("test") if footage.clip[i] == clip], dtype=np.int64)


def clip_samples(evaluator: Evaluator, clip: int) -> list[Sample]:
    """The clip's model frames in time, then its pictures from other cameras. Clips without pictures have none."""
    footage, track = evaluator.footage, evaluator.footage.track(clip)
    rows = held_back_pictures(footage, clip)
    frontal = np.array([i for i in rows if evaluator.sees_mouth(footage.camera(int(i)))], dtype=np.int64)
    main = main_camera_pictures(footage, frontal)
    half = 0.5 / float(footage.rate)
    samples, used = [], set()
    for t, time in enumerate(track.time if len(main) else ()):
        nearest = int(main[np.abs(footage.time[main] - time).argmin()])
        if abs(footage.time[nearest] - time) < half and nearest not in used:
            used.add(nearest)
            samples.append(picture_sample(footage, nearest, t))
        else:
            samples.append(Sample(footage.camera(nearest), float(time), track.expression[t], None, t))
    return samples + [picture_sample(footage, int(i)) for i in rows if int(i) not in used]


def picture_sample(footage: Footage, i: int, moment: int | None = None) -> Sample:
    """Picture i by itself."""
    return Sample(footage.camera(i), float(footage.time[i]), footage.expression[i], i, moment)
