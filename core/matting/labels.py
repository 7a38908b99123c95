# SPDX-License-Identifier: GPL-3.0-or-later
"""What each pixel is: background, head, inside of the mouth.

Knows the picture's alpha and its landmarks; knows no colour, no file and no clip.

Letters: points as in regions.py.
"""

import numpy as np

from .regions import EYE_CORNERS, INNER_LIPS, LOWER_LIP, UPPER_LIP, has_face, polygon_coverage

BACKGROUND, FACE, MOUTH = 0, 1, 2
# Of the distance of the outer eye corners. Measured on the sample actor: MediaPipe reports 0.001..0.010 for lips that
# touch and 0.037 upwards for open ones; its polygon follows the lips' rim and is a fifth larger than the opening.
CLOSED_GAP = 0.012  # lips closer than this touch
INWARD = 0.004  # by which each lip of the polygon is moved inwards


def relative_lip_distance(points: np.ndarray) -> float:
    """Distance of the inner lips at their middle over the distance of the outer eye corners."""
    eyes = np.linalg.norm(points[EYE_CORNERS[0], :2] - points[EYE_CORNERS[1], :2])
    return float(np.linalg.norm(points[UPPER_LIP, :2] - points[LOWER_LIP, :2]) / max(eyes, 1e-6))


def mouth_polygon(points: np.ndarray) -> np.ndarray:
    """[20,2] the rim of the mouth's opening: MediaPipe's inner lips, each moved INWARD."""
    polygon = points[INNER_LIPS, :2].astype(np.float64)
    eyes = points[EYE_CORNERS[1], :2] - points[EYE_CORNERS[0], :2]
    down = np.array([-eyes[1], eyes[0]])
    upper, lower = slice(1, 10), slice(11, 20)
    polygon[upper] += INWARD * down
    polygon[lower] -= INWARD * down
    return polygon


def label_pixels(
    shape: tuple[int, ...],
    alpha: np.ndarray,  # [H,W] 0..1
    points: np.ndarray | None,  # [478,2|3] MediaPipe's landmarks, pixels; None or NaN without a face
) -> np.ndarray:
    """[H,W] uint8: 0 background (alpha under a half), 2 inside the mouth (at least half of the pixel inside the inner
    lips; none while the lips touch), 1 the rest of the person."""
    label = np.where(np.asarray(alpha) < 0.5, BACKGROUND, FACE).astype(np.uint8)
    if has_face(points) and relative_lip_distance(points) > CLOSED_GAP:
        label[polygon_coverage(shape, mouth_polygon(points)) >= 0.5] = MOUTH
    return label
