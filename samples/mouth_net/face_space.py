# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks of pictures -> head space, so that a nod or a step towards the camera is no movement of the mouth.

Letters: T pictures.
"""

import numpy as np

from ...core.tracking import load_rig

# Nose and eyes' corners: what speech does not move.
STILL = (27, 28, 29, 30, 33, 36, 39, 42, 45)


def to_face_space(
    landmarks: np.ndarray,  # [T,68,3] pixels: x right, y down, z away from us
) -> np.ndarray:
    """[T,68,3] metres of a mean face: each picture's still landmarks laid on it by the best similarity (Umeyama, PAMI
    1991). A person whose nose or eyes are set otherwise has every measure off by a constant, which his range takes out.
    """
    model = load_rig().landmarks.neutral
    return _similarity(landmarks[..., [0, 2, 1]] * (1.0, 1.0, -1.0), model)


def _similarity(points: np.ndarray, model: np.ndarray) -> np.ndarray:
    still, fixed = points[:, STILL].astype(np.float64), model[list(STILL)]
    middle, centre = still.mean(axis=1, keepdims=True), fixed.mean(axis=0)
    u, sizes, vt = np.linalg.svd(np.einsum("tpi,pj->tij", still - middle, fixed - centre))
    mirrored = np.linalg.det(u @ vt) < 0
    u[mirrored, :, 2] *= -1
    sizes[mirrored, 2] *= -1
    scale = sizes.sum(axis=1) / np.square(still - middle).sum(axis=(1, 2))
    return scale[:, None, None] * ((points - middle) @ (u @ vt)) + centre
