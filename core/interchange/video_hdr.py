# SPDX-License-Identifier: GPL-3.0-or-later
"""High dynamic range codes (what phones record by themselves) -> sRGB codes.

One table of colours for each curve, made in 50 ms and looked up in C. (FFmpeg's own conversion takes seconds to begin
and half a second a picture.) Reference white (203 cd/m2, ITU-R BT.2408) becomes white except for the last 5 %, which
are left to what is brighter: sun on a forehead is bright, not flat.

Letters: G points of the table along each colour.
"""

from functools import cache

import numpy as np
from PIL import Image, ImageFilter

from ..formats import linear_to_srgb

PQ, HLG = 16, 18  # transfer characteristics, ITU-T H.273
WHITE = 203.0  # cd/m2 of a white page, BT.2408
PEAK = 1000.0  # cd/m2 of HLG's nominal screen, BT.2100
KNEE = 0.8  # of white; not in a standard: chosen because skin lies below it
POINTS = 65  # G; all that Pillow takes
LUMA = np.array([0.2627, 0.6780, 0.0593])  # BT.2020
TO_REC709 = np.array([
    [1.6605, -0.5876, -0.0728],
    [-0.1246, 1.1329, -0.0083],
    [-0.0182, -0.1006, 1.1187],
])  # fmt: skip  # linear BT.2020 -> BT.709, ITU-R BT.2087


def hdr_to_srgb(
    rgb: np.ndarray,  # [H,W,3] uint8 codes of BT.2020 primaries under the curve
    curve: int,  # PQ or HLG
) -> np.ndarray:
    """[H,W,3] uint8 sRGB."""
    return np.array(Image.fromarray(rgb).filter(_table(curve)))


@cache
def _table(curve: int) -> ImageFilter.Color3DLUT:
    axis = np.linspace(0.0, 1.0, POINTS)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")  # red runs fastest
    light = HDR_CURVES[curve](np.stack([red, green, blue], axis=-1)) / WHITE @ TO_REC709.T
    codes = np.clip(linear_to_srgb(np.maximum(_tone_map(light), 0.0)), 0.0, 1.0)
    return ImageFilter.Color3DLUT(POINTS, codes.astype(np.float32).ravel(), channels=3, target_mode="RGB")


def _pq(codes: np.ndarray) -> np.ndarray:
    """cd/m2 (SMPTE ST 2084)."""
    power = codes ** (1 / 78.84375)
    return 10000.0 * (np.maximum(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)


def _hlg(codes: np.ndarray) -> np.ndarray:
    """cd/m2 on the nominal screen (BT.2100: inverse OETF, then the OOTF of gamma 1.2)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((np.maximum(codes, 0.5) - c) / a) + b) / 12)
    return PEAK * np.maximum(scene @ LUMA, 1e-9)[..., None] ** 0.2 * scene


HDR_CURVES = {PQ: _pq, HLG: _hlg}


def _tone_map(light: np.ndarray) -> np.ndarray:
    """Above the knee the brightest channel nears 1 and takes the others with it, so that hues stay."""
    brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-9)
    above = np.maximum(brightest - KNEE, 0.0) / (1 - KNEE)
    return light * np.minimum(brightest, KNEE + (1 - KNEE) * np.tanh(above)) / brightest
