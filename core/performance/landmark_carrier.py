# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a head's landmarks are, without a picture: each moves with the face Gaussians nearest to it at rest.

No network detects these landmarks: what moves is what is drawn. Only the carrying Gaussians are replayed, so that a
moment costs a fraction of a millisecond and thousands of sounds can be tried.

Letters: P = 68 landmarks, T moments, N face Gaussians.
"""

import numpy as np

from ..formats import HeadFile, UserError
from .condition import Condition
from .head_part import part_of
from .replay import Frame, Replay

CARRIERS = 8  # face Gaussians that carry a landmark
MIN_OPACITY = 0.3  # of a carrier: it must be visible


def canonical_landmarks(head: HeadFile) -> np.ndarray:
    """[68,3] metres, from the head's card. Raises UserError for a head whose card has none."""
    landmarks = np.asarray(head.card.training.get("landmarks", ()), dtype=np.float64)
    if landmarks.shape != (68, 3):
        cure = "train it again" if head.card.training else "it was imported: use a head trained from video"
        raise UserError(f"{head.source}: its card has no landmarks, so its lips cannot be followed; {cure}.")
    return landmarks


class LandmarkCarrier:
    """A head's landmarks in any condition."""

    def __init__(self, head: HeadFile) -> None:
        """Raises UserError for a head whose card has no landmarks."""
        self.canonical, face = canonical_landmarks(head), head.gaussians("face")
        rows = np.flatnonzero(face.opacities > MIN_OPACITY)
        distance = np.linalg.norm(face.means[rows][None] - self.canonical[:, None], axis=2)
        nearest = rows[np.argsort(distance, axis=1)[:, :CARRIERS]]  # [P,8]
        self._nearest, self._whole = nearest, face.means
        kept, index = np.unique(nearest, return_inverse=True)
        self._carriers = index.reshape(nearest.shape)
        self._replay = Replay(part_of(head, kept))
        self._frame, self._rest = self._replay.frame(), self._replay.canonical.means

    def at(self, condition: Condition) -> np.ndarray:
        """[68,3] metres, head space."""
        moved = self._replay.at(condition, self._frame).means
        return self.canonical + (moved[self._carriers] - self._rest[self._carriers]).mean(axis=1)

    def of(self, frame: Frame) -> np.ndarray:
        """[68,3] metres in a frame of the whole head."""
        moved = frame.means[self._nearest] - self._whole[self._nearest]
        return self.canonical + moved.mean(axis=1)

    def track(self, conditions: list[Condition]) -> np.ndarray:
        """[T,68,3] metres, head space."""
        return np.stack([self.at(condition) for condition in conditions])

    def moves(self, rows: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """[...,68,3]: what the landmarks do when the face Gaussians `rows` [M], ascending, do `moves` [...,3,M] and all
        others stay."""
        found = np.minimum(np.searchsorted(rows, self._nearest), len(rows) - 1)  # [P,8]
        is_moved = rows[found] == self._nearest
        return np.swapaxes((moves[..., found] * is_moved).mean(axis=-1), -1, -2)
