# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of the footage from a video frame: matched to the common light, cut out, labelled, with depth.

Letters: S a picture's side in pixels, H W a picture with its padding.
"""

from dataclasses import dataclass, replace
from functools import cache as cached

import numpy as np

from ..matting import Backdrop, despill, label_pixels
from ..tracking import FaceRig, PersonSegmenter, estimate_person_depth, load_rig, render_surface
from .alpha_method import KEY, MASK, PersonAlpha, cut_person
from .fit_clips import ClipFit
from .identity import PersonIdentity
from .stage_cache import Key

CHIN = 8  # iBUG landmark
# Metres below the chin at rest where the body begins to fade and is gone; and behind the chin, where a neck is.
FADE_START, FADE_END, NECK_BEHIND_CHIN = 0.015, 0.065, 0.04


@dataclass(frozen=True)
class CutOut:
    """A picture of the footage."""

    rgba: np.ndarray  # [S,S,4] uint8, straight alpha
    label: np.ndarray  # [S,S] uint8
    person: PersonAlpha


def cut_out(
    rgb: np.ndarray,  # [H,W,3] uint8, padded
    points: np.ndarray,  # [478,2] pixels of the picture without its padding; NaN without a face
    identity: PersonIdentity,
    backdrop: Backdrop,  # as the clip shows it
    fade: np.ndarray | None,  # [S,S] 0..1 that the alpha is multiplied by; None: 1
    first: str = KEY,  # of ALPHA_METHODS: what is tried first
) -> CutOut:
    """The person in a picture, in the light that all clips share where the backdrop shows it."""
    inner = identity.crop.inner
    filmed, key = np.ascontiguousarray(rgb[inner]), None
    if backdrop.plain:
        padded_points = points + np.array(identity.crop.padding[:2], np.float32)
        rgb = backdrop.match_colour(rgb, padded_points)
        key = backdrop.alpha(rgb, padded_points)
    # The mask without the padding: the network's few pixels are better spent on the person.
    mask = _segmenter().segment(filmed)
    person = cut_person(filmed, None if key is None else key[inner], mask, points, fade, first)
    if key is None or person.method == MASK:
        straight = despill(rgb[inner], person.alpha)
    else:
        key[inner] = person.alpha
        straight = despill(rgb, key, backdrop.field)[inner]
    alpha = person.alpha if fade is None else person.alpha * fade
    rgba = np.dstack([straight, np.rint(alpha * 255).astype(np.uint8)])
    return CutOut(rgba, label_pixels(alpha.shape, alpha, points), person)


def picture_depth(
    identity: PersonIdentity,
    fit: ClipFit,
    frame: int,
    alpha: np.ndarray,  # [S,S] 0..1
) -> np.ndarray:
    """[S,S] metres along z: the rig's, and a guess for the rest of the person."""
    rig, size = _person_rig(identity), (identity.crop.side, identity.crop.side)
    surface = render_surface(rig, np.zeros(0), fit.weights[frame], fit.viewmat[frame], identity.camera, size)
    return estimate_person_depth(surface, alpha, identity.camera[0, 0])


def neck_fade(
    identity: PersonIdentity,
    viewmat: np.ndarray,  # [4,4] head space -> OpenCV camera
) -> np.ndarray:
    """[S,S] float32 1 for the head, 0 for the body, a smooth ramp between.

    The ramp is in head space, not in the picture: it moves with the skull, so that a jaw that opens does not shift it
    and training finds the same end of the neck in every picture. Each pixel's ray meets the plane of the neck.
    """
    rig, side = _person_rig(identity), identity.crop.side
    chin = rig.neutral[rig.landmark_vertices[CHIN]]
    y, x = np.mgrid[:side, :side] + 0.5
    rays = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(identity.camera).T @ viewmat[:3, :3]
    centre = -viewmat[:3, :3].T @ viewmat[:3, 3]
    distance = (chin[1] + NECK_BEHIND_CHIN - centre[1]) / rays[..., 1]
    height = centre[2] + distance * rays[..., 2]
    t = np.clip((height - (chin[2] - FADE_END)) / (FADE_END - FADE_START), 0.0, 1.0)
    return (t * t * (3 - 2 * t)).astype(np.float32)


_RIGS: dict[Key, FaceRig] = {}  # one at most: loading takes longer than a picture


def _person_rig(identity: PersonIdentity) -> FaceRig:
    """The rig with this person's shape as its neutral one, and no identity modes."""
    if identity.key not in _RIGS:
        _RIGS.clear()
        rig = load_rig()
        shape = rig.neutral_shape(identity.face.coefficients)
        _RIGS[identity.key] = replace(rig, neutral=shape, identities=rig.identities[:0])
    return _RIGS[identity.key]


@cached
def _segmenter() -> PersonSegmenter:
    """One for each process."""
    return PersonSegmenter()
