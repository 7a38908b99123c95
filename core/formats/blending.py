# SPDX-License-Identifier: GPL-3.0-or-later
"""The two spaces in which a head's splats may be blended, and the sRGB curve between them, for arrays and tensors.

A splat's colour is max(0, SH + 0.5), a display code, either way. `display` blends the codes, as 3DGS does and as
viewers of splats do. `linear` decodes each splat's colour and blends the light, as Blender 5.3 does; Blender decodes by
this curve and leaves it open above white (seen in renders of single splats: docs/research/linear_blending.md).
"""

from typing import Any

import numpy as np

from .user_error import UserError

Codes = Any  # np.ndarray or torch.Tensor of floats, or a number

# The name that a head's card stores -> what it means, for the shell's help.
BLENDS = {
    "display": "splats are blended as sRGB codes",
    "linear": "each splat's colour is decoded and the light is blended",
}
CODE_KNEE = 0.04045  # the code up to which the curve is a line
LIGHT_KNEE = 0.0031308049  # the light there


def check_blend(blend: str) -> None:
    """Raise UserError for a name that BLENDS has not."""
    if blend not in BLENDS:
        raise UserError(f"blend {blend[:40]!r} is unknown; use {' or '.join(BLENDS)}.")


def over_background(
    rgb: Codes,  # [H,W,3] sRGB codes, premultiplied by alpha as codes
    alpha: Codes,  # [H,W]
    background: Codes,  # [3] sRGB codes
    blend: str,  # of BLENDS
) -> Codes:
    """A picture before a background, [H,W,3] sRGB codes: blended as codes, or as light. They differ where alpha is
    soft; a head is compared with what is blended as its own splats are."""
    if blend == "display":
        return rgb + (1 - alpha)[..., None] * background
    alpha = alpha[..., None]
    straight = (rgb / alpha.clip(min=1 / 255)).clip(0, 1)
    return linear_to_srgb(srgb_to_linear(straight) * alpha + srgb_to_linear(background) * (1 - alpha))


def srgb_to_linear(codes: Codes) -> Codes:
    """The sRGB curve (IEC 61966-2-1): codes 0..1 and above -> light, any shape; differentiable where torch's."""
    codes = _array(codes)
    above = ((codes.clip(min=CODE_KNEE) + 0.055) / 1.055) ** 2.4
    return _choose(codes <= CODE_KNEE, codes / 12.92, above)


def linear_to_srgb(light: Codes) -> Codes:
    """Inverse of `srgb_to_linear`."""
    light = _array(light)
    above = 1.055 * light.clip(min=LIGHT_KNEE) ** (1 / 2.4) - 0.055
    return _choose(light <= LIGHT_KNEE, light * 12.92, above)


def _array(values: Codes) -> Codes:
    return values if hasattr(values, "clip") else np.asarray(values)


def _choose(condition: Codes, first: Codes, second: Codes) -> Codes:
    """`where` of whatever the arrays are of, so that torch need not be imported here; all values are finite."""
    return condition * first + ~condition * second
