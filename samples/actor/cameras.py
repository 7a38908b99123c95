# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the cameras are: many in front of the face, some all around, two that no training ever sees.

A camera is (yaw, pitch) in degrees: yaw 0 is in front of the face, positive towards the actor's own left;
pitch positive looks down from above. All look at the head's centre from the same distance.
"""

import numpy as np

DISTANCE = 0.80  # metres
TARGET = np.array([0.0, 0.0, -0.005])  # metres, the middle of cap and jumper
FIELD_OF_VIEW = 26.0  # degrees, vertical

FRONTAL = (0.0, 0.0)
FRONT = (
    FRONTAL,
    (-34, 4),
    (-30, -9),
    (-25, 14),
    (-20, 0),
    (-15, -12),
    (-12, 8),
    (-7, 19),
    (-5, -5),
    (5, 7),
    (7, -15),
    (11, 0),
    (15, 20),
    (20, 9),
    (23, -7),
    (29, 2),
    (32, 15),
    (35, -4),
)
AROUND = (
    (-55, 6),
    (55, 0),
    (-78, -4),
    (78, 10),
    (-105, 12),
    (105, 2),
    (-140, 0),
    (140, 18),
    (178, 8),
    (0, 52),
    (125, 45),
    (-120, 50),
    (-48, 30),
    (48, -22),
    (-150, 75),
)
HELD_BACK = ((17.0, 4.0), (-27.0, 6.0))
FRONTAL_SHARE, FRONT_SHARE = 0.15, 0.70  # of all training pictures; FRONT_SHARE includes the frontal camera


def viewmat(camera: tuple[float, float]) -> np.ndarray:
    """[4, 4] float64 world (head space) -> camera, OpenCV axes: x right, y down, z forward."""
    yaw, pitch = np.radians(camera)
    outward = np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    forward = -outward
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = -rotation @ (TARGET + DISTANCE * outward)
    return matrix


def focal(height: int) -> float:
    """Focal length in pixels for a picture of this height."""
    return height / 2 / np.tan(np.radians(FIELD_OF_VIEW) / 2)


def intrinsics(width: int, height: int) -> np.ndarray:
    """[3, 3] float64; pixel centres at +0.5, principal point in the middle."""
    return np.array([[focal(height), 0.0, width / 2], [0.0, focal(height), height / 2], [0.0, 0.0, 1.0]])
