# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn of a held-back clip: its pictures, and every model frame of it from where its face is seen.

A video has a picture for every model frame, each with its own head pose. A rendered actor may have a picture every
third frame from some camera: then the frames between are drawn too, from the camera that most pictures share, because
lips are judged in time.

Letters: T model frames of a clip, F pictures.
"""

from dataclasses import dataclass

import numpy as np

from ..footage import Footage
from ..formats import Camera
from .evaluator import Evaluator

ONE_CAMERA = 0.5  # share of distinct cameras among the pictures from which on the camera (the head) moves


@dataclass(frozen=True)
class Sample:
    """One drawing. `row`: the picture it is compared with; `moment`: the model frame that it films."""

    camera: Camera
    time: float  # seconds
    expression: np.ndarray  # [E]
    row: int | None
    moment: int | None


def main_view(footage: Footage, rows: np.ndarray) -> np.ndarray:
    """Of pictures [F] those that show the clip as one camera films it."""
    if len(rows) == 0:
        return rows
    views = np.stack([footage.camera(int(i)).centre for i in rows]).round(4)
    _, which, counts = np.unique(views, axis=0, return_inverse=True, return_counts=True)
    if len(counts) > max(ONE_CAMERA * len(rows), 1):
        return rows
    return rows[which.reshape(-1) == counts.argmax()]


def samples_of(judge: Evaluator, clip: int) -> list[Sample]:
    """The clip's model frames in time, then its pictures from elsewhere. Clips without pictures have none."""
    footage, track = judge.footage, judge.footage.track(clip)
    rows = np.array([i for i in footage.frames("test") if footage.clip[i] == clip], dtype=np.int64)
    shown = np.array([i for i in rows if judge.sees_mouth(footage.camera(int(i)))], dtype=np.int64)
    main = main_view(footage, shown)
    half = 0.5 / float(footage.rate)
    takes, filmed = [], set()
    for t, time in enumerate(track.time if len(main) else ()):
        near = int(main[np.abs(footage.time[main] - time).argmin()])
        row = near if abs(footage.time[near] - time) < half and near not in filmed else None
        filmed |= {row}
        if row is None:
            takes.append(Sample(footage.camera(near), float(time), track.expression[t], None, t))
        else:
            takes.append(sample_of(footage, row, t))
    return takes + [sample_of(footage, int(i), None) for i in rows if int(i) not in filmed]


def sample_of(footage: Footage, i: int, moment: int | None = None) -> Sample:
    """Picture i by itself."""
    return Sample(footage.camera(i), float(footage.time[i]), footage.expression[i], i, moment)
