# SPDX-License-Identifier: GPL-3.0-or-later
"""From the display-referred colours that a head was trained in to the scene-linear light that compositing works with.

A head is blended as it was trained. Where that is in sRGB codes, only the finished picture becomes light, and only
after a division by its alpha: the curve on premultiplied codes makes dark fringes (0.6 at half coverage over a
background of 0.18: 0.1632 instead of 0.2493), and the curve on each Gaussian changes hair and mouth by up to 40 codes.
Where it is in linear light, the picture is light already.

    premultiplied codes -> / alpha -> clamp 0..1.2 -> sRGB curve -> matrix -> * alpha

Letters: H x W pixels; alpha 0..1.
"""

from pathlib import Path

import numpy as np

from ..compiling import kernels_are_kept
from ..formats import linear_to_srgb, srgb_to_linear

EMPTY_ALPHA = 1e-4  # alpha up to which a pixel counts as empty: dividing by less only magnifies noise
FAR_AWAY = 1e10  # metres; what Blender's depth pass has where there is nothing
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


def scene_linear_planes(
    color: np.ndarray,  # [H,W,3] float32 of a Rendering, premultiplied by alpha, on black
    alpha: np.ndarray,  # [H,W] float32
    blend: str = "display",  # of BLENDS: what `color` is
    space: str = "lin_rec709_scene",
    full_float: bool = False,
) -> np.ndarray:
    """Premultiplied light in a space of COLOUR_SPACES, and alpha: [4,H,W] float16, or float32; planar, because an EXR
    is. Colours are 0 where alpha <= EMPTY_ALPHA."""
    from .pixel_kernels import fill_light  # numba takes a second to load, and most of what is imported here needs none

    shape, nothing = (4, *alpha.shape), (0, 0, 0)
    light = np.empty(shape if full_float else nothing, np.float32)
    half = np.empty(nothing if full_float else shape, np.uint16)
    is_light, row = blend == "linear", np.empty((4, alpha.shape[1]), np.float32)
    limit = float(srgb_to_linear(np.float64(BRIGHTEST))) if is_light else BRIGHTEST
    matrix = np.ascontiguousarray(COLOUR_SPACES[space], np.float64)
    fill_light(*_pixels(color, alpha), is_light, limit, matrix, space in ENCODED, row, light, half)
    return light if full_float else half.view(np.float16)


def display_codes(
    color: np.ndarray,  # [H,W,3] of a Rendering, premultiplied by alpha if there is one
    alpha: np.ndarray | None = None,  # [H,W]
    blend: str = "display",  # of BLENDS; "linear": `color` is light
) -> np.ndarray:
    """8-bit sRGB for a PNG or a movie: uint8 [H,W,4] with straight alpha, or [H,W,3] without one."""
    if alpha is None:
        codes = linear_to_srgb(color) if blend == "linear" else np.asarray(color)
        return np.rint(np.clip(codes, 0.0, 1.0) * 255.0).astype(np.uint8)
    from .pixel_kernels import CODE_OF_STEP, FIRST_LIGHT, fill_codes

    pixels = np.empty((*alpha.shape, 4), np.uint8)
    fill_codes(*_pixels(color, alpha), blend == "linear", FIRST_LIGHT, CODE_OF_STEP, pixels)
    return pixels


def far_where_empty(
    depth: np.ndarray,  # [H,W] float32 metres, 0 where there is none
    alpha: np.ndarray,  # [H,W] float32
) -> np.ndarray:
    """[H,W] float32: FAR_AWAY where alpha <= EMPTY_ALPHA or there is no depth."""
    from .pixel_kernels import fill_depth

    result = np.empty(alpha.shape, np.float32)
    fill_depth(np.ascontiguousarray(depth, np.float32), np.ascontiguousarray(alpha, np.float32), result)
    return result


def _pixels(color: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(color, np.float32), np.ascontiguousarray(alpha, np.float32)


def pixels_are_compiled() -> bool:
    """Whether the kernels start at once."""
    return kernels_are_kept(Path(__file__).parent)


def compile_pixels() -> None:
    """Compile the kernels, or load them: some seconds the first time."""
    color, alpha = np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32)
    display_codes(color, alpha)
    scene_linear_planes(color, alpha)
    far_where_empty(alpha, alpha)
