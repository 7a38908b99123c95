# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a colour key and a person mask disagree: backdrop that a key would keep, and the key confined to the person.

A key knows colours and no people: a map, a logo or a lamp behind a presenter is not the backdrop's colour, so it stays.
The mask knows people, but its edge is soft. Knows no network and no clips; both come from the caller.
"""

import numpy as np
from scipy import ndimage

from .key import clean_alpha
from .regions import certain_face_mask, face_bounds, has_face

# Not in a paper: chosen on 21 clips of 12 GRID talkers, where the mask denies 0.1 to 0.5 % of what a right key keeps
# (the rim; 1.3 % in one with loose hair), and 11 to 17 % where the same talkers stand before a weather map.
MAX_LEAK = 0.01  # of the kept pixels; above it key and mask do not agree
PERSON = 0.5  # probability from which the mask says person
MIN_FACE_SHARE = 0.5  # of the face that a mask must hold to be believed; it holds all of it, or fails altogether
KEPT = 0.5  # alpha from which a pixel is kept, as in labels.py
# Not in a paper: chosen on the same talkers before maps; wider lets a rim of the map in (error of alpha, in 255ths, at
# 0.02, 0.04, 0.06, 0.1: 2.3, 2.8, 3.5, 4.9; of the mask alone 3.3).
WIDENING = 0.02  # of the face's width: how far beyond the mask the key may still keep something
MIN_WIDENING = 2.0  # pixels


def count_leak(
    alpha: np.ndarray,  # [H,W] 0..1
    person: np.ndarray,  # [H,W] 0..1, the probability of the person
) -> tuple[int, int]:
    """(kept pixels, those of them that the person mask denies)."""
    kept = alpha >= KEPT
    return int(kept.sum()), int((kept & (person < PERSON)).sum())


def leak_share(kept: int, denied: int) -> float:
    """Share 0..1 of the kept pixels that the person mask denies; 0 where nothing is kept."""
    return denied / kept if kept else 0.0


def shows_the_face(
    person: np.ndarray,  # [H,W] 0..1, the probability of the person
    points: np.ndarray | None,  # [478,2|3] pixels
) -> bool:
    """Whether the mask has most of the face in it, where landmarks are known: else it has missed the person."""
    face = certain_face_mask(person.shape, points)
    return not face.any() or float((person[face] >= PERSON).mean()) > MIN_FACE_SHARE


def confine_to_person(
    alpha: np.ndarray,  # [H,W] float32 0..1, of the key
    person: np.ndarray,  # [H,W] 0..1, the probability of the person
    points: np.ndarray | None = None,  # [478,2|3] pixels
) -> np.ndarray:
    """[H,W] float32 0..1: the key inside the widened person mask; whole to half of the widening, then a ramp to 0. What
    that cuts off from the person is removed."""
    width = np.ptp(face_bounds(points)[::2]) if has_face(points) else 0.3 * alpha.shape[1]
    reach = max(WIDENING * width, MIN_WIDENING)
    outside = person < PERSON
    if outside.all():
        return np.zeros_like(alpha)
    distance = np.asarray(ndimage.distance_transform_edt(outside))
    ramp = np.clip(2.0 - 2.0 * distance / reach, 0.0, 1.0)
    return clean_alpha((alpha * ramp).astype(np.float32), certain_face_mask(alpha.shape, points))
