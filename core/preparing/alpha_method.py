# SPDX-License-Identifier: GPL-3.0-or-later
"""How a picture is cut out: by colour key where the key and the person mask agree, else by the key inside the widened
mask, else by the mask, less what a key says is backdrop.

A backdrop that is plain round the head need not be plain everywhere, nor in every frame: a colour key takes a map or a
lamp for the person. So the mask looks at every picture too, and of the methods the first is taken whose result it
hardly denies. Letters: S a picture's side in pixels.
"""

from dataclasses import dataclass

import numpy as np

from ..matting import MAX_LEAK, alpha_from_mask, confine_to_person, count_leak, leak_share, shows_the_face

KEY, BOTH, MASK = "colour key", "colour key inside the person mask", "person mask"
ALPHA_METHODS = (KEY, BOTH, MASK)  # in the order in which they are tried


@dataclass(frozen=True)
class PersonAlpha:
    """A person cut out of a picture."""

    method: str  # of ALPHA_METHODS
    alpha: np.ndarray  # [S,S] float32 0..1, not faded
    kept: int  # pixels, after the fade
    denied: int  # of the kept pixels, those that the person mask denies

    @property
    def agrees(self) -> bool:
        """Whether the person mask denies next to nothing of it."""
        return leak_share(self.kept, self.denied) <= MAX_LEAK


def cut_person(
    rgb: np.ndarray,  # [S,S,3] uint8
    key: np.ndarray | None,  # [S,S] 0..1, the alpha of the colour key; None where the backdrop is not plain
    person: np.ndarray,  # [S,S] 0..1, the probability of the person
    points: np.ndarray,  # [478,2] pixels; NaN without a face
    fade: np.ndarray | None,  # [S,S] 0..1: what fades out below the chin is not kept; None: everything is
    first: str = KEY,  # of ALPHA_METHODS: what is tried first
) -> PersonAlpha:
    """By the first method whose result the person mask agrees with, else by the last; by the key alone, with its leak,
    where the mask has missed the face."""
    methods = ALPHA_METHODS[ALPHA_METHODS.index(first) :] if key is not None else (MASK,)
    if key is not None and not shows_the_face(person, points):
        return _measure(KEY, key, person, fade)
    results = (_measure(method, _alpha(method, rgb, key, person, points), person, fade) for method in methods)
    return next(result for result in results if result.agrees or result.method == MASK)


def _alpha(method: str, rgb: np.ndarray, key: np.ndarray | None, person: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[S,S] float32 0..1."""
    if method == KEY and key is not None:
        return key
    if method == BOTH and key is not None:
        return confine_to_person(key, person, points)
    masked = alpha_from_mask(rgb, person, points)
    return masked if key is None else np.minimum(masked, key)


def _measure(method: str, alpha: np.ndarray, person: np.ndarray, fade: np.ndarray | None) -> PersonAlpha:
    return PersonAlpha(method, alpha, *count_leak(alpha if fade is None else alpha * fade, person))
