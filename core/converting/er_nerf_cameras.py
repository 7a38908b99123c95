# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras of a TalkingGaussian / ER-NeRF dataset folder and ours.

Theirs: the 3DMM's space, right-handed, Y up, the face looks along +Z; a transform maps camera to world, OpenGL axes (Y
up, looks along -Z). Ours: head space, Z up, the face looks along -Y, metres; a viewmat maps it to OpenCV axes.

Letters: F pictures.
"""

import numpy as np

HEAD_FROM_3DMM = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # (x, y, z) -> (x, -z, y): +90 degrees about X
OPENCV_FROM_OPENGL = np.diag([1.0, -1, -1])  # its own inverse
EYE_CORNERS = (36, 45)  # iBUG landmarks: outer corners of the eyes
ADULT_EYE_DISTANCE = 0.09  # metres between them


def viewmats_from_transforms(
    transforms: np.ndarray,  # [F,4,4] their camera to world
    unit: float,  # metres per unit of theirs
) -> np.ndarray:
    """[F,4,4] float64, head space in metres -> OpenCV camera."""
    world = np.linalg.inv(transforms)
    viewmats = np.tile(np.eye(4), (len(transforms), 1, 1))
    viewmats[:, :3, :3] = OPENCV_FROM_OPENGL @ world[:, :3, :3] @ HEAD_FROM_3DMM.T
    viewmats[:, :3, 3] = unit * world[:, :3, 3] @ OPENCV_FROM_OPENGL
    return viewmats


def transforms_from_viewmats(
    viewmats: np.ndarray,  # [F,4,4] head space in metres -> OpenCV camera, rigid
) -> np.ndarray:
    """[F,4,4] their camera to world; one unit is one metre, as in TalkingGaussian's and ER-NeRF's own sets."""
    world = np.tile(np.eye(4), (len(viewmats), 1, 1))
    world[:, :3, :3] = OPENCV_FROM_OPENGL @ viewmats[:, :3, :3] @ HEAD_FROM_3DMM
    world[:, :3, 3] = viewmats[:, :3, 3] @ OPENCV_FROM_OPENGL
    return np.linalg.inv(world)


def are_rigid(
    matrices: np.ndarray,  # [F,4,4]
) -> np.ndarray:
    """[F] bool: which are a rotation and a finite translation, to a thousandth."""
    plain = np.isfinite(matrices).all(axis=(1, 2)) & (np.abs(matrices[:, :3, :3]).max(axis=(1, 2)) < 2)
    matrices = np.where(plain[:, None, None], matrices, 0.0)  # what is left would overflow
    rotation = matrices[:, :3, :3]
    orthogonal = np.abs(rotation @ rotation.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2)) < 1e-3
    proper = np.linalg.det(rotation) > 0
    return orthogonal & proper & (np.abs(matrices[:, 3] - [0, 0, 0, 1]).max(axis=1) < 1e-6)


def metres_per_unit(
    landmarks: np.ndarray,  # [68,3] in their units
) -> float:
    """A power of ten: 1 for TalkingGaussian and ER-NeRF (tracked centimetres times ten, over ten), 0.1 for
    GaussianTalker, which keeps the tracker's own units.

    Not in the papers: chosen because these trackers all fit a face of human size, so that only the decimal point is
    open, and because a power of ten lets a set come back as it went. The distance of the eye corners decides.
    """
    distance = float(np.linalg.norm(landmarks[EYE_CORNERS[0]] - landmarks[EYE_CORNERS[1]]))
    return float(10.0 ** np.round(np.log10(ADULT_EYE_DISTANCE / distance)))
