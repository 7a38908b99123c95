# SPDX-License-Identifier: GPL-3.0-or-later
"""The moment whose shape the canonical Gaussians take, and the bounds within which things move.

Not in the paper: chosen because lips that touch cannot be told apart by a field over space, so that the canonical
mouth is open: a moment near the 85th percentile of the pictures' lip gaps, the medoid of those.
Letters: F pictures of the train split, P = 68 landmarks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..footage import ClipSpeech, Footage
from ..formats import BRANCHES, HeadFile
from ..metrics import MOUTH_LANDMARKS, lip_gap
from ..performance import BranchSettings, canonical_landmarks

OPEN = 85  # percentile of the lip gap
NEAR = 0.0015  # metres; pictures whose mouth landmarks differ less in the mean show the same mouth
MIN_SAME = 8  # pictures of the same mouth; where fewer are that near, the nearest


@dataclass(frozen=True)
class Reference:
    """The canonical shape, and the cubes of both branches. Head space, metres."""

    landmarks: np.ndarray  # [68,3]
    frames: np.ndarray  # pictures that show the mouth like this, the nearest first
    centre: np.ndarray  # [3] of the moving region
    half_extent: float
    mouth_centre: np.ndarray  # [3]
    mouth_half_extent: float

    def state_dict(self) -> dict[str, np.ndarray]:
        """The arrays that a checkpoint holds."""
        return {f"reference.{name}": np.asarray(value) for name, value in vars(self).items()}

    @staticmethod
    def from_state_dict(arrays: Mapping[str, np.ndarray]) -> "Reference":
        """The reference whose arrays are among a checkpoint's. Raises KeyError where one is missing."""
        landmarks, frames, centre, mouth_centre = (
            arrays[f"reference.{name}"] for name in ("landmarks", "frames", "centre", "mouth_centre")
        )
        half, mouth_half = (float(arrays[f"reference.{name}"]) for name in ("half_extent", "mouth_half_extent"))
        return Reference(landmarks, frames, centre, half, mouth_centre, mouth_half)


def picture_landmarks(footage: Footage, speech: ClipSpeech, frames: np.ndarray) -> np.ndarray:
    """[F,68,3] metres: the landmarks of the moments the pictures were taken at (nearest model frame)."""
    landmarks = []
    for i in frames:
        track = speech.tracks[int(footage.clip[i])]
        landmarks.append(track.landmarks[int(np.abs(track.time - footage.time[i]).argmin())])
    return np.stack(landmarks)


def choose_reference(footage: Footage, speech: ClipSpeech, frames: np.ndarray, below_chin: float = 0.02) -> Reference:
    """`below_chin`: metres below the reference's lowest landmark where the moving region's cube ends. Below it are neck
    and torso, which move against the head for reasons no sound tells (not in the paper: ours)."""
    landmarks = picture_landmarks(footage, speech, frames)
    medoid = _medoid_of_open_mouths(landmarks)
    same_mouth = _pictures_of_mouth(landmarks, landmarks[medoid])
    all_points = speech.stack_tracks("landmarks").reshape(-1, 3)
    low, high = np.percentile(all_points, 0.5, axis=0), np.percentile(all_points, 99.5, axis=0)
    centre, half = (low + high) / 2, 0.65 * float((high - low).max())
    centre[2] = max(centre[2], landmarks[medoid][:, 2].min() - below_chin + half)
    return Reference(landmarks[medoid], frames[same_mouth], centre, half, *_mouth_cube(landmarks))


def reference_of_head(head: HeadFile, landmarks: np.ndarray, frames: np.ndarray) -> Reference:
    """The reference that a trained head has, and the pictures [F] that show its mouth, by their landmarks [F,68,3].
    Raises UserError for a head without landmarks."""
    canonical = canonical_landmarks(head).astype(np.float32)
    face, mouth = (BranchSettings.from_dict(head.card.branches[name]) for name in BRANCHES)
    same_mouth = _pictures_of_mouth(landmarks, canonical)
    bounds = np.array(face.centre), face.half_extent, np.array(mouth.centre), mouth.half_extent
    return Reference(canonical, frames[same_mouth], *bounds)


def _pictures_of_mouth(landmarks: np.ndarray, reference: np.ndarray) -> np.ndarray:  # [F,68,3], [68,3]
    """Rows whose mouth is that of `reference`, the nearest first."""
    difference = landmarks[:, MOUTH_LANDMARKS] - reference[MOUTH_LANDMARKS]
    distance = np.linalg.norm(difference, axis=-1).mean(axis=1)
    order = np.argsort(distance, kind="stable")
    return order[: max(int((distance < NEAR).sum()), min(MIN_SAME, len(order)))]


def _medoid_of_open_mouths(landmarks: np.ndarray) -> int:  # [F,68,3]
    """The picture whose mouth is nearest to all others whose lip gap is about the OPEN percentile."""
    gaps = lip_gap(landmarks)
    distance = np.abs(gaps - np.percentile(gaps, OPEN))
    candidates = np.argsort(distance, kind="stable")[: max(5, len(gaps) // 10)]
    mouths = landmarks[candidates][:, MOUTH_LANDMARKS].reshape(len(candidates), -1)
    # One row at a time: all against all would be a gigabyte at ten minutes of pictures.
    return int(candidates[np.argmin([np.linalg.norm(mouths - mouth, axis=-1).sum() for mouth in mouths])])


def _mouth_cube(landmarks: np.ndarray) -> tuple[np.ndarray, float]:  # [F,68,3]
    """(centre, half extent) of the inside mouth's bounds."""
    mouth = landmarks[:, MOUTH_LANDMARKS].reshape(-1, 3)
    low, high = mouth.min(axis=0), mouth.max(axis=0)
    width = float((high - low).max())
    # Teeth and tongue are behind the lips: a third of a mouth's width deeper (the head looks along -Y).
    return (low + high) / 2 + np.array([0.0, 0.35 * width, 0.0]), 0.9 * width
