# SPDX-License-Identifier: GPL-3.0-or-later
"""From the colours that a head was trained in to the light that compositing works with, and back.

A head is blended as it was trained: in display-referred sRGB codes. Only the finished picture is
turned into light, and only where it is divided by its alpha first: the curve on premultiplied
codes makes dark fringes (0.6 at half cover over an 0.18 plate: 0.1632 instead of 0.2493), and the
curve on each Gaussian changes hair and mouth by up to 40 codes.

    premultiplied codes -> / alpha -> clamp 0..1.2 -> sRGB curve -> matrix -> * alpha

Letters: H x W pixels; alpha 0..1.
"""

import numpy as np

CLEAR = 1e-4  # alpha up to which a pixel counts as empty: dividing by less only magnifies noise
CEILING = 1.2  # spherical harmonics may overshoot white a little; more is an error, not light

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
# By the colour interop ID (ASWF) that an EXR carries.
COLOUR_SPACES = {
    "lin_rec709_scene": np.eye(3),
    "lin_ap1_scene": REC709_TO_AP1,  # ACEScg
    "lin_ap0_scene": REC709_TO_AP0,  # ACES2065-1
}


def decoded(codes: np.ndarray) -> np.ndarray:
    """sRGB's curve (IEC 61966-2-1): codes 0..1 and above -> light, any shape."""
    codes = np.asarray(codes)
    return np.where(codes <= 0.04045, codes / 12.92, ((np.maximum(codes, 0.04045) + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    """Inverse of `decoded`."""
    light = np.asarray(light)
    return np.where(light <= 0.0031308049, light * 12.92, 1.055 * np.maximum(light, 0.0031308049) ** (1 / 2.4) - 0.055)


def display_to_scene_linear(
    color: np.ndarray,  # [H,W,3] premultiplied by alpha, display-referred sRGB, on black (a Rendering's color)
    alpha: np.ndarray,  # [H,W]
    space: str = "lin_rec709_scene",
) -> np.ndarray:
    """Premultiplied scene-linear light in `space`, [H,W,3] float32; 0 where alpha <= CLEAR."""
    light = decoded(np.clip(straight(color, alpha), 0.0, CEILING)) @ COLOUR_SPACES[space].T
    return (light * np.asarray(alpha, dtype=np.float64)[..., None]).astype(np.float32)


def scene_linear_to_display(
    light: np.ndarray,  # [H,W,3] premultiplied, in `space`
    alpha: np.ndarray,  # [H,W]
    space: str = "lin_rec709_scene",
) -> np.ndarray:
    """Inverse of `display_to_scene_linear` for colours that it did not clamp, [H,W,3] float32."""
    codes = encoded(straight(light, alpha) @ np.linalg.inv(COLOUR_SPACES[space]).T)
    return (codes * np.asarray(alpha, dtype=np.float64)[..., None]).astype(np.float32)


def straight(
    color: np.ndarray,  # [H,W,3] premultiplied
    alpha: np.ndarray,  # [H,W]
) -> np.ndarray:
    """Colour divided by alpha, [H,W,3] float64; 0 where alpha <= CLEAR."""
    seen = np.asarray(alpha, dtype=np.float64)[..., None]
    return np.divide(color, seen, out=np.zeros(np.shape(color)), where=seen > CLEAR)


def display_codes(
    color: np.ndarray,  # [H,W,3] display-referred, premultiplied by alpha if there is one
    alpha: np.ndarray | None = None,  # [H,W]
) -> np.ndarray:
    """8-bit sRGB for a PNG or a movie: uint8 [H,W,4] with straight alpha, or [H,W,3] without one."""
    if alpha is None:
        pixels = np.asarray(color)
    else:
        pixels = np.concatenate([straight(color, alpha), np.asarray(alpha)[..., None]], axis=-1)
    return np.rint(np.clip(pixels, 0.0, 1.0) * 255.0).astype(np.uint8)
