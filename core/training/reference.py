# SPDX-License-Identifier: GPL-3.0-or-later
"""The moment whose shape the canonical Gaussians take, and the bounds within which things move.

Not in the paper: chosen because lips that touch cannot be told apart by a field over space, so that the canonical
mouth stands open: a moment near the 85th percentile of the pictures' lip gaps, the medoid of those.
Letters: F pictures of the train split, P = 68 landmarks.
"""

from dataclasses import dataclass

import numpy as np

from ..footage import ClipSpeech, Footage
from ..metrics import MOUTH_LANDMARKS, lip_gap

OPEN = 85  # percentile of the lip gap
NEAR = 0.0015  # metres; pictures whose mouth landmarks differ less in the mean show the same mouth


@dataclass(frozen=True)
class Reference:
    landmarks: np.ndarray  # [68,3] metres, head space
    frames: np.ndarray  # pictures that show the mouth like this, the nearest first
    centre: np.ndarray  # [3] of the moving region
    half_extent: float  # metres
    mouth_centre: np.ndarray  # [3]
    mouth_half_extent: float


def landmarks_of(footage: Footage, speech: ClipSpeech, frames: np.ndarray) -> np.ndarray:
    """[F,68,3] of the moments the pictures were taken at (nearest model frame)."""
    rows = []
    for i in frames:
        track = speech.tracks[int(footage.clip[i])]
        rows.append(track.landmarks[int(np.abs(track.time - footage.time[i]).argmin())])
    return np.stack(rows)


def choose_reference(footage: Footage, speech: ClipSpeech, frames: np.ndarray, below_chin: float = 0.02) -> Reference:
    """`below_chin`: metres under the reference's lowest landmark where the moving region's cube ends. Under it lie neck
    and torso, which move against the head for reasons no sound tells (not in the paper: ours)."""
    marks = landmarks_of(footage, speech, frames)
    gaps = lip_gap(marks)
    level = np.percentile(gaps, OPEN)
    near = np.argsort(np.abs(gaps - level), kind="stable")[: max(5, len(frames) // 10)]
    mouths = marks[near][:, MOUTH_LANDMARKS].reshape(len(near), -1)
    # One row at a time: all against all would be a gigabyte at ten minutes of pictures.
    medoid = near[np.argmin([np.linalg.norm(mouths - mouth, axis=-1).sum() for mouth in mouths])]
    away = np.linalg.norm(marks[:, MOUTH_LANDMARKS] - marks[medoid][MOUTH_LANDMARKS], axis=-1).mean(axis=1)
    order = np.argsort(away, kind="stable")
    alike = order[: max(int((away < NEAR).sum()), min(8, len(order)))]
    everything = speech.stack_tracks("landmarks").reshape(-1, 3)
    low, high = np.percentile(everything, 0.5, axis=0), np.percentile(everything, 99.5, axis=0)
    mouth = marks[:, MOUTH_LANDMARKS].reshape(-1, 3)
    mouth_low, mouth_high = mouth.min(axis=0), mouth.max(axis=0)
    width = float((mouth_high - mouth_low).max())
    # Teeth and tongue lie behind the lips: half a mouth's width deeper (the head looks along -Y).
    inside = (mouth_low + mouth_high) / 2 + np.array([0.0, 0.35 * width, 0.0])
    centre, half = (low + high) / 2, 0.65 * float((high - low).max())
    centre[2] = max(centre[2], marks[medoid][:, 2].min() - below_chin + half)
    return Reference(marks[medoid], frames[alike], centre, half, inside, 0.9 * width)
