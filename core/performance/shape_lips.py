# SPDX-License-Identifier: GPL-3.0-or-later
"""The lips of a rig of ARKit's shapes, which has no channel that parts them: how far each shape does is measured.

mouthClose is by Apple's definition what closes the lips while the jaw stays open, as far as jawOpen opened them. So the
Gaussians that it draws down are the upper lip, those that it draws up the lower one, and a shape parts the lips as far
as it moves the one from the other. Measured on an avatar of LAM: jawOpen parts them by 31.5 mm, mouthClose by -31.0.

Letters: K channels, M Gaussians that the rig moves.
"""

import numpy as np

from ..formats import Rig

JAW, CLOSE = "jawOpen", "mouthClose"
UP = 2  # the axis of space
LIPS = 0.5  # of mouthClose's furthest motion up, and of that down: from there on it is the lip. Not in the paper:
# chosen because the mesh around a lip moves less than half as far


def lips_parted(rig: Rig) -> np.ndarray | None:
    """[K] float32, mm: how far each channel at 1 parts the lips; None for a rig whose shapes do not say where they are
    (no jawOpen or mouthClose, or a mouthClose that does not close what jawOpen opens)."""
    names = [channel.name for channel in rig.card.channels]
    if JAW not in names or CLOSE not in names:
        return None
    region = rig.card.channels[names.index(CLOSE)].region
    rows = rig.card.rows_of(region)
    face = rig.regions[region].branches.get("face")
    if face is None:
        return None
    up = face.moves[:, UP].astype(np.float32)  # [channels of the region, M]
    close = up[list(rows).index(names.index(CLOSE))]
    upper, lower = close < LIPS * min(close.min(initial=0), 0), close > LIPS * max(close.max(initial=0), 0)
    if not upper.any() or not lower.any():
        return None
    parted = np.zeros(len(names), np.float32)
    parted[rows] = up[:, upper].mean(axis=1) - up[:, lower].mean(axis=1)
    return parted if parted[names.index(JAW)] > 0 > parted[names.index(CLOSE)] else None
