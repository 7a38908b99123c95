# SPDX-License-Identifier: GPL-3.0-or-later
"""How a frame differs from the head at rest, in the 9 numbers a Gaussian of a rig (formats/rig.py): a linear space, in
which what is added up is again a head.

The Gibbs vector (Rodrigues' parameters: axis times tan(angle / 2)) is linear in the quaternion before it is normalised,
as the branch's network and what moves with it are. Letters: M Gaussians.
"""

import numpy as np

from ..formats import RIG_NUMBERS
from .replay import Frame

MILLIMETRES = 1000.0
MIN_COSINE = 0.01  # of half the angle: a rotation by more than 178.9 degrees counts as one


def difference_from_rest(frame: Frame, rest: Frame) -> np.ndarray:
    """[9,M] float32: position in mm, Gibbs vector in the Gaussian's own axes at rest, log of the scales' ratio."""
    out = np.empty((RIG_NUMBERS, len(rest.means)), np.float32)
    out[:3] = (frame.means - rest.means).T * MILLIMETRES
    w, x, y, z = rest.quats.T
    s, i, j, k = frame.quats.T
    # Rest's conjugate times the frame's: first its own axes, then rest's.
    axis = (w * i - x * s - y * k + z * j, w * j + x * k - y * s - z * i, w * k - x * j + y * i - z * s)
    cosine = cosine_from_rest(frame.quats.T, rest.quats.T)
    for row, value in zip(out[3:6], axis):
        np.divide(value, cosine, out=row)
    np.log(frame.scales / rest.scales, out=out[6:].T)
    return out


def cosine_from_rest(quats: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """[M]: of half the angle between unit quaternions, [4,M] each, of either sign; MIN_COSINE at least."""
    cosine = rest[0] * quats[0] + rest[1] * quats[1] + rest[2] * quats[2] + rest[3] * quats[3]
    return np.where(cosine < 0, -1, 1).astype(np.float32) * np.maximum(np.abs(cosine), np.float32(MIN_COSINE))


def quaternion_moves(
    quats: np.ndarray,  # [M,4] at rest
    gibbs: np.ndarray,  # [K,3,M]
) -> np.ndarray:
    """[K,4,M]: what K channels add to the quaternion at rest, before it is normalised: q (1 + g) = q + q g."""
    w, x, y, z = quats.T
    i, j, k = gibbs[:, 0], gibbs[:, 1], gibbs[:, 2]
    return np.stack(
        [-x * i - y * j - z * k, w * i + y * k - z * j, w * j - x * k + z * i, w * k + x * j - y * i], axis=1
    )
