# SPDX-License-Identifier: GPL-3.0-or-later
"""One head as a prim of USD, ParticleField3DGaussianSplat (OpenUSD 26.03): what stays the same once, what moves as time
samples at the frames' numbers.

Stored values are those of `Gaussians`: metres, linear sigma, opacity 0..1, unit quaternions; colours interleaved, of
each splat sh0 and then shN. Times are frame numbers (timeCodesPerSecond is the shot's rate). Frames go to the disk
every SAVED_BYTES, so that an hour's shot takes no more memory than a minute's.
"""

from typing import Any

import numpy as np

from ..formats import BakeReader
from ..usd import define_prim, fixed, usd_modules

TYPE = "ParticleField3DGaussianSplat"
SAVED_BYTES = 64 << 20
SIGMAS = 3.0  # of a splat that count as its extent: as far as the rasterizers of 3DGS draw it
# USD's names are of the "_scene" family; the transfer curve and the primaries are what they name (GfColorSpaceNames).
COLOUR_SPACES = {"srgb_rec709_display": "srgb_rec709_scene", "lin_rec709_display": "lin_rec709_scene"}
COEFFICIENTS = "radiance:sphericalHarmonicsCoefficients"
MOVING = "positions", "orientations", "scales"


class SplatPrim:
    """Writes the prim at `path` of an Sdf layer."""

    def __init__(self, layer: Any, path: str, half: bool) -> None:
        """half: numbers of 16 bits, in the attributes that the schema has for them."""
        self._layer, self.path, self._half = layer, path, half
        self._sdf, self._vt = usd_modules("Sdf", "Vt")
        self._signs: np.ndarray | None = None  # orientations [N,4] of the frame before
        self._unsaved = 0

    def define(self) -> None:
        """The prim with its moving attributes, without values."""
        prim = define_prim(self._layer, self.path, TYPE)
        for name in MOVING:
            self._attribute(name)
        fixed(prim, "extent", "Float3Array", None)

    def write_still(self, bake: BakeReader) -> None:
        """Opacities, colours and what a renderer must know."""
        rest = bake.canonical
        prim = self._layer.GetPrimAtPath(self.path)
        harmonics = np.concatenate([rest.sh0[:, None], rest.shN], axis=1).reshape(-1, 3)
        for name, values in (("opacities", rest.opacities), (COEFFICIENTS, harmonics)):
            self._attribute(name).default = self._array(name, values)
        space = COLOUR_SPACES.get(bake.card.colour_space, bake.card.colour_space)
        prim.SetInfo("apiSchemas", self._sdf.TokenListOp.Create(prependedItems=["ColorSpaceAPI"]))
        fixed(prim, "colorSpace:name", "Token", space, uniform=True)
        fixed(prim, "radiance:sphericalHarmonicsDegree", "Int", rest.sh_degree, uniform=True)
        fixed(prim, "projectionModeHint", "Token", "perspective", uniform=True)
        fixed(prim, "sortingModeHint", "Token", "zDepth", uniform=True)

    def write_frame(self, number: int, bake: BakeReader) -> None:
        """One frame's time samples."""
        means, quats, scales = bake.frame(number)
        quats = self._continuous(quats, bake.canonical.quats)
        for name, values in zip(MOVING, (means, quats, scales)):
            self._sample(self._name(name), number, self._array(name, values))
        self._sample("extent", number, self._vt.Vec3fArray.FromNumpy(_extent(means, scales)))
        self._unsaved += means.nbytes + quats.nbytes + scales.nbytes
        if self._unsaved >= SAVED_BYTES:
            self._layer.Save()
            self._unsaved = 0

    def _continuous(self, quats: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """The orientations [N,4] with signs that make the way from the frame before the short one (before the first
        frame: from the head at rest). q and -q are one orientation, but not to a program that blends two samples."""
        before = rest if self._signs is None else self._signs
        self._signs = np.where(np.sum(quats * before, axis=1, keepdims=True) < 0, -quats, quats)
        return self._signs

    def _sample(self, name: str, number: int, values: object) -> None:
        self._layer.SetTimeSample(f"{self.path}.{name}", float(number), values)

    def _name(self, name: str) -> str:
        return f"{name}h" if self._half else name

    def _attribute(self, name: str) -> Any:
        letter, long = ("h", "Half") if self._half else ("f", "Float")
        kinds = {"positions": f"Point3{letter}Array", "orientations": f"Quat{letter}Array", "opacities": f"{long}Array"}
        prim = self._layer.GetPrimAtPath(self.path)
        return fixed(prim, self._name(name), kinds.get(name, f"{long}3Array"), None)

    def _array(self, name: str, values: np.ndarray) -> Any:
        """values: [N], [N,3], or [N,4] wxyz. As an array of USD's."""
        letter, kind = ("h", np.float16) if self._half else ("f", np.float32)
        if name == "orientations":
            values = values[:, [1, 2, 3, 0]]  # as they lie in memory there
        made = {"orientations": f"Quat{letter}Array", "opacities": "HalfArray" if self._half else "FloatArray"}
        vt = getattr(self._vt, made.get(name, f"Vec3{letter}Array"))
        return vt.FromNumpy(np.ascontiguousarray(values, dtype=kind))


def _extent(means: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """[2,3] float32: the corners of a box around all splats."""
    if not len(means):
        return np.zeros((2, 3), np.float32)
    reach = SIGMAS * scales.max(axis=1, keepdims=True)
    return np.stack([(means - reach).min(axis=0), (means + reach).max(axis=0)]).astype(np.float32)
