# SPDX-License-Identifier: GPL-3.0-or-later
"""From the display-referred colours that a head was trained in to the scene-linear light that compositing works with.

A head is blended as it was trained. Where that is in sRGB codes, only the finished picture becomes light, and only
after a division by its alpha: the curve on premultiplied codes makes dark fringes (0.6 at half coverage over a
background of 0.18: 0.1632 instead of 0.2493), and the curve on each Gaussian changes hair and mouth by up to 40 codes.
Where it is in linear light, the picture is light already.

    premultiplied codes -> / alpha -> clamp 0..1.2 -> sRGB curve -> matrix -> * alpha

Letters: H x W pixels; alpha 0..1.
"""

import numpy as np

from ..formats import linear_to_srgb, srgb_to_linear

EMPTY_ALPHA = 1e-4  # alpha up to which a pixel counts as empty: dividing by less only magnifies noise
BRIGHTEST = 1.2  # display code: spherical harmonics may overshoot white a little; more is an error, not light

# Linear Rec.709 (D65) -> ACES primaries (D60), Bradford adaptation, column vectors. SMPTE ST 2065-1, ITU-R BT.709.
REC709_TO_AP1 = np.array([
    [0.6130974024, 0.3395231462, 0.0473794514],
    [0.0701937225, 0.9163538791, 0.0134523985],
    [0.0206155929, 0.1095697729, 0.8698146342],
])  # fmt: skip
REC709_TO_AP0 = np.array([
    [0.4396329819, 0.3829886982, 0.1773783199],
    [0.0897764430, 0.8134394287, 0.0967841283],
    [0.0175411704, 0.1115465533, 0.8709122763],
])  # fmt: skip
# Colour interop ID (ASWF), which an EXR carries -> matrix from linear Rec.709, [3,3], for column vectors.
COLOUR_SPACES = {
    "lin_rec709_scene": np.eye(3),
    "lin_ap1_scene": REC709_TO_AP1,  # ACEScg
    "lin_ap0_scene": REC709_TO_AP0,  # ACES2065-1
    "srgb_rec709_scene": np.eye(3),  # sRGB codes; what is straight is encoded, then multiplied by alpha, as OIIO has it
}
ENCODED = ("srgb_rec709_scene",)  # of them those that are codes, not light
# Colour interop ID -> CIE x y of red, green, blue and white, as an EXR's "chromaticities" has them. ITU-R BT.709,
# SMPTE ST 2065-1 (AP0), Academy S-2014-004 (AP1).
CHROMATICITIES = {
    "lin_rec709_scene": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767),
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "srgb_rec709_scene": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
}


def display_to_scene_linear(
    color: np.ndarray,  # [H,W,3] premultiplied by alpha, display-referred sRGB, on black (a Rendering's color)
    alpha: np.ndarray,  # [H,W]
    space: str = "lin_rec709_scene",
) -> np.ndarray:
    """Premultiplied scene-linear light, [H,W,3] float32, in a space of COLOUR_SPACES; 0 where alpha <= EMPTY_ALPHA."""
    return _in_space(srgb_to_linear(np.clip(unpremultiply(color, alpha), 0.0, BRIGHTEST)), alpha, space)


def light_to_scene_linear(
    color: np.ndarray,  # [H,W,3] premultiplied by alpha, light in linear Rec.709, on black (of a linear Rendering)
    alpha: np.ndarray,  # [H,W]
    space: str = "lin_rec709_scene",
) -> np.ndarray:
    """`display_to_scene_linear` of what was blended as light: nothing is decoded, and BRIGHTEST is the same limit."""
    light = np.clip(unpremultiply(color, alpha), 0.0, srgb_to_linear(np.float64(BRIGHTEST)))
    return _in_space(light, alpha, space)


def _in_space(light: np.ndarray, alpha: np.ndarray, space: str) -> np.ndarray:
    """Straight light -> premultiplied float32 in the space."""
    straight = light @ COLOUR_SPACES[space].T
    if space in ENCODED:
        straight = linear_to_srgb(straight)
    return (straight * np.asarray(alpha, dtype=np.float64)[..., None]).astype(np.float32)


def unpremultiply(
    color: np.ndarray,  # [H,W,3] premultiplied
    alpha: np.ndarray,  # [H,W]
) -> np.ndarray:
    """Colour divided by alpha, [H,W,3] float64; 0 where alpha <= EMPTY_ALPHA."""
    alpha = np.asarray(alpha, dtype=np.float64)[..., None]
    return np.divide(color, alpha, out=np.zeros(np.shape(color)), where=alpha > EMPTY_ALPHA)


def display_codes(
    color: np.ndarray,  # [H,W,3] of a Rendering, premultiplied by alpha if there is one
    alpha: np.ndarray | None = None,  # [H,W]
    blend: str = "display",  # of BLENDS; "linear": `color` is light
) -> np.ndarray:
    """8-bit sRGB for a PNG or a movie: uint8 [H,W,4] with straight alpha, or [H,W,3] without one."""
    pixels = np.asarray(color) if alpha is None else unpremultiply(color, alpha)
    if blend == "linear":
        pixels = linear_to_srgb(pixels)
    if alpha is not None:
        pixels = np.concatenate([pixels, np.asarray(alpha)[..., None]], axis=-1)
    return np.rint(np.clip(pixels, 0.0, 1.0) * 255.0).astype(np.uint8)
