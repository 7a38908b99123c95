# SPDX-License-Identifier: GPL-3.0-or-later
"""Alpha from a person's probability where the backdrop is not plain: the mask's edge moved onto the picture's.

Knows no network: the mask comes from the caller. Letters: p the probability, I the picture's luma, radius in pixels.
"""

import numpy as np

from .colour_match import LUMA
from .kernels import box_mean, erode
from .key import clean_alpha
from .regions import certain_face_mask, face_bounds, has_face

# Not in the paper: chosen on a GRID talker in front of two synthetic walls; wider or sharper ones err and flicker more.
EPSILON = 100.0  # grey levels squared: texture below it does not move the mask
RADIUS = 0.04  # of the face's width
LOW, HIGH = 0.15, 0.85  # refined probabilities that become alpha 0 and 1


def alpha_from_mask(
    rgb: np.ndarray,  # [H,W,3] 0..255
    person: np.ndarray,  # [H,W] float 0..1, the probability of the person
    points: np.ndarray | None = None,  # [478,2|3] pixels
) -> np.ndarray:
    """[H,W] float32 0..1: guided filter (He, Sun, Tang 2010, eq. 5 and 6) of the mask by the picture's luma, then
    stretched; 1 throughout the face oval."""
    width = np.ptp(face_bounds(points)[::2]) if has_face(points) else 0.3 * rgb.shape[1]
    radius = max(int(RADIUS * width), 2)
    guide = np.asarray(rgb, np.float32) @ LUMA.astype(np.float32)
    refined = guided_filter(np.asarray(person, np.float32), guide, radius, EPSILON)
    alpha = np.clip((refined - LOW) / (HIGH - LOW), 0.0, 1.0).astype(np.float32)
    certain = erode(np.ascontiguousarray(person > 0.95), radius)
    alpha[certain] = 1.0
    return clean_alpha(alpha, certain_face_mask(alpha.shape, points))


def guided_filter(
    mask: np.ndarray,  # [H,W] float32
    guide: np.ndarray,  # [H,W] float32 grey levels
    radius: int,
    epsilon: float,
) -> np.ndarray:
    """[H,W] float32: locally linear in the guide; epsilon in squared units of the guide."""
    stack = np.stack([guide, mask, guide * guide, guide * mask], -1)
    mean = box_mean(stack, radius)
    variance = mean[..., 2] - mean[..., 0] ** 2
    slope = (mean[..., 3] - mean[..., 0] * mean[..., 1]) / (variance + np.float32(epsilon))
    lines = box_mean(np.stack([slope, mean[..., 1] - slope * mean[..., 0]], -1), radius)
    return lines[..., 0] * guide + lines[..., 1]
