# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a head's landmarks are, without a picture: each rides on the face Gaussians nearest to it at rest.

No network is asked for a landmark: what moves is what is drawn. Only the carriers are replayed, so that a moment costs
a fraction of a millisecond and sounds can be tried by the thousand.

Letters: P = 68 landmarks, T moments, N face Gaussians.
"""

from dataclasses import replace

import numpy as np

from ..formats import HeadFile, UserError
from ..performance import Condition, Replay

CARRIERS = 8  # face Gaussians that carry a landmark along
OPAQUE = 0.3  # a carrier is at least so opaque: it must be seen to move
FACE = "face.gaussians."


def canonical_landmarks(head: HeadFile) -> np.ndarray:
    """[68,3] metres, from the head's card. Raises UserError for a head trained elsewhere."""
    places = np.asarray(head.card.training.get("landmarks", ()), dtype=np.float64)
    if places.shape != (68, 3):
        raise UserError(f"{head.source}: its card holds no landmarks, so its lips cannot be followed; train it again.")
    return places


class LandmarkCarrier:
    """A head's landmarks in any condition."""

    def __init__(self, head: HeadFile) -> None:
        """Raises UserError for a head whose card holds no landmarks."""
        self.places, face = canonical_landmarks(head), head.gaussians("face")
        rows = np.flatnonzero(face.opacities > OPAQUE)
        away = np.linalg.norm(face.means[rows][None] - self.places[:, None], axis=2)
        near = rows[np.argsort(away, axis=1)[:, :CARRIERS]]  # [P,8]
        kept, where = np.unique(near, return_inverse=True)
        self._near = where.reshape(near.shape)
        tensors = {
            name: value[kept] if name.startswith(FACE) else value
            for name, value in head.tensors.items()
            if name.startswith("face.")
        }
        card = replace(
            head.card, branches={"face": head.card.branches["face"]}, audio_code={"face": head.card.audio_code["face"]}
        )
        self._replay = Replay(HeadFile(card, tensors, head.source))
        self._frame, self._rest = self._replay.frame(), self._replay.canonical.means

    def at(self, condition: Condition) -> np.ndarray:
        """[68,3] metres, head space."""
        moved = self._replay.at(condition, self._frame).means
        return self.places + (moved[self._near] - self._rest[self._near]).mean(axis=1)

    def carried(self, conditions: list[Condition]) -> np.ndarray:
        """[T,68,3] metres."""
        return np.stack([self.at(condition) for condition in conditions])
