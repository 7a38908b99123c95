# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendering's pixels as files have them, each read once: display codes, scene-linear light, depth. Arithmetic in
float64, so that a file has the value that the formulas give, rounded to float32 and from there to float16.

They let go of Python's lock: writer threads run them beside the raster. Letters: H x W pixels.
"""

import numpy as np

from ..compiling import cached_njit
from ..formats import linear_to_srgb
from .colour import EMPTY_ALPHA, FAR_AWAY

STEPS = 4096  # of the table in which the code of a light is looked up
FAR = np.float32(FAR_AWAY)
A, B, C, D, GAMMA = 0.055, 1.055, 0.04045, 12.92, 2.4  # of the sRGB curve, IEC 61966-2-1
LIGHT_KNEE = 0.0031308049


def kernel():
    """Not numba's fast arithmetic: a code may not depend on how a compiler orders sums."""
    return cached_njit(nogil=True, error_model="numpy")


def _first_light_of_codes() -> np.ndarray:
    """[257] float64: the least light that becomes each 8-bit code; by bisection, so that it is the formula's to the
    last bit; nothing becomes 256."""
    low, high = np.zeros(255), np.ones(255)
    wanted = np.arange(1, 256)
    for _ in range(1100):  # as many steps as float64 has from 1 down to nothing
        middle = (low + high) / 2
        if ((middle == low) | (middle == high)).all():
            break
        reached = np.rint(linear_to_srgb(middle) * 255.0) >= wanted
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return np.concatenate([[0.0], high, [np.inf]])


FIRST_LIGHT = _first_light_of_codes()
# The code of the least light of each step: where the search for a light's code begins.
CODE_OF_STEP = (np.searchsorted(FIRST_LIGHT, np.arange(STEPS + 1) / STEPS, side="right") - 1).astype(np.uint8)


@kernel()
def fill_codes(color, alpha, is_light, first_light, code_of_step, out):
    """color float32 [H,W,3] premultiplied, alpha float32 [H,W] -> out uint8 [H,W,4]: sRGB codes, straight alpha."""
    for y in range(alpha.shape[0]):
        for x in range(alpha.shape[1]):
            coverage = np.float64(alpha[y, x])
            for channel in range(3):
                value = np.float64(color[y, x, channel]) / coverage if coverage > EMPTY_ALPHA else 0.0
                value = min(max(value, 0.0), 1.0)
                if not is_light:
                    out[y, x, channel] = np.uint8(np.rint(value * 255.0))
                    continue
                code = np.int64(code_of_step[np.int64(value * STEPS)])
                while value >= first_light[code + 1]:
                    code += 1
                out[y, x, channel] = np.uint8(code)
            out[y, x, 3] = np.uint8(np.rint(min(max(coverage, 0.0), 1.0) * 255.0))


@kernel()
def decoded(code):
    """The sRGB curve: a code -> light."""
    return code / D if code <= C else ((code + A) / B) ** GAMMA


@kernel()
def encoded(light):
    """Inverse of `decoded`."""
    return light * D if light <= LIGHT_KNEE else B * light ** (1 / GAMMA) - A


@kernel()
def fill_light(color, alpha, is_light, brightest, matrix, is_encoded, row, out, half):
    """color float32 [H,W,3] premultiplied, alpha float32 [H,W] -> premultiplied light, and alpha 0..1.

    matrix: float64 [3,3] from linear Rec.709; is_encoded: straight light is encoded as sRGB; brightest: limit of
    straight colours as they were blended; row: float32 [4,W] of room. Into out float32 [4,H,W], or where that is empty
    into half uint16 [4,H,W], the bits of float16.
    """
    bits = row.view(np.uint32)
    straight = np.empty(3)
    for y in range(alpha.shape[0]):
        for x in range(alpha.shape[1]):
            coverage = np.float64(alpha[y, x])
            row[3, x] = min(max(alpha[y, x], np.float32(0)), np.float32(1))
            if not coverage > EMPTY_ALPHA:
                row[0, x] = row[1, x] = row[2, x] = np.float32(0)
                continue
            for channel in range(3):
                value = min(max(np.float64(color[y, x, channel]) / coverage, 0.0), brightest)
                straight[channel] = value if is_light else decoded(value)
            for channel in range(3):
                value = 0.0
                for other in range(3):
                    value += matrix[channel, other] * straight[other]
                if is_encoded:
                    value = encoded(value)
                row[channel, x] = np.float32(value * coverage)
        for plane in range(4):
            if out.shape[0]:
                out[plane, y] = row[plane]
            else:
                for x in range(alpha.shape[1]):
                    half[plane, y, x] = half_bits(row[plane, x], bits[plane, x])


@kernel()
def half_bits(value, bits):
    """The float16 nearest to a float32 of these bits, ties to even, as its bits."""
    sign, size = np.uint32(bits >> 16) & np.uint32(0x8000), bits & np.uint32(0x7FFFFFFF)
    if size >= np.uint32(0x47800000):  # 65536 and more, infinite, nan
        return np.uint16(sign | np.uint32(0x7C00 if size <= np.uint32(0x7F800000) else 0x7E00))
    if size < np.uint32(0x38800000):  # denormal, in steps of 2^-24
        return np.uint16(sign | np.uint32(np.rint(abs(np.float64(value)) * 16777216.0)))
    odd = (size >> np.uint32(13)) & np.uint32(1)
    return np.uint16(sign | ((size - np.uint32(0x38000000) + np.uint32(0xFFF) + odd) >> np.uint32(13)))


@kernel()
def fill_depth(depth, alpha, out):
    """depth float32 [H,W] metres, 0 where there is none -> out float32 [H,W], FAR_AWAY where nothing is visible."""
    for y in range(alpha.shape[0]):
        for x in range(alpha.shape[1]):
            is_there = np.float64(alpha[y, x]) > EMPTY_ALPHA and depth[y, x] > np.float32(0)
            out[y, x] = depth[y, x] if is_there else FAR
